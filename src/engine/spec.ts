// The printable plan of a container's start: its model and the host's facts become a SandboxSpec. Also what an adopting keeper needs.

import { existsSync } from "node:fs";
import {
  imagePlace,
  type JoinSpec,
  type NetworkSpec,
  planSandbox,
  type SandboxSpec,
  type UsernsRequest,
} from "../container/index.ts";
import type { DeviceRequest } from "../volume/index.ts";
import type { ContainerRecord, LayerMap } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { findProgram } from "./host.ts";
import { hostsBase } from "./hosts-file.ts";
import { zoneFile } from "./zone.ts";

export interface Size {
  rows: number;
  columns: number;
}

/** What this start found on the host. */
export interface Surroundings extends Size {
  network: NetworkSpec;
  devices?: DeviceRequest[];
  joins?: JoinSpec[];
  names?: { source: string; target: string }[];
  runtime?: NonNullable<SandboxSpec["runtime"]>;
}

/** A class of id mapping: what it is called on disk, and the ids themselves. */
export interface LayerClass {
  map: LayerMap;
  /** Absent: U's own. */
  userns?: UsernsRequest;
}

/** The class of a container's layers; without `userns`, that of most of this user's containers. */
export function layerClass(engine: Engine, userns?: UsernsRequest): LayerClass {
  if (userns?.kind === "keep") return { map: `keep-${userns.uid}-${userns.gid}`, userns };
  if (userns?.kind === "maps") return { map: `ids-${digestOf(userns)}`, userns };
  const { subuids, subgids } = engine.host();
  return { map: subuids.length > 0 && subgids.length > 0 ? "user" : "single" };
}

/** The name alone. */
export function layerMap(engine: Engine, userns?: UsernsRequest): LayerMap {
  return layerClass(engine, userns).map;
}

/** Equal maps have equal layers, whatever flags they come from. */
function digestOf({ uid, gid }: Extract<UsernsRequest, { kind: "maps" }>): string {
  return new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([uid, gid]))
    .digest("hex")
    .slice(0, CLASS_DIGITS);
}

/** A user has a few dozen classes. */
const CLASS_DIGITS = 16;

/** Overlayfs stacks no more (OVL_MAX_STACK). */
const MAX_LOWER = 500;

/** The image's layers (or the one directory instead), topmost first, and below them the mount points: making those in the upper would cost each start a millisecond. */
export function lowerDirectories(engine: Engine, record: ContainerRecord): string[] {
  const { layout, layers } = engine.store;
  const { userns, rootfs } = record.config.request;
  const directories =
    record.imageId === null ? [rootfs?.path ?? ""] : layers.lowerDirectories(record.imageId, layerMap(engine, userns));
  // Those are the caller's, who is somebody else inside with a map of its own.
  return directories.length < MAX_LOWER && layerClass(engine, userns).userns === undefined
    ? [...directories, layout.mountPoints()]
    : directories;
}

/** Layer directories of each image that is mounted in it. */
export function imageDirectories(engine: Engine, { config }: ContainerRecord): string[][] {
  const map = layerMap(engine, config.request.userns);
  return (config.images ?? []).map(({ imageId }) => engine.store.layers.lowerDirectories(imageId, map));
}

export const FUSE_PROGRAM = "fuse-overlayfs";

export type StorageDriver = "overlay" | typeof FUSE_PROGRAM | "copy";

/** What a container has as its root. */
export interface ContainerRoot {
  /** `directory`: the user's own, as it is. */
  driver: StorageDriver | "directory";
  /** All there is to it: the user's own directory, or a copy of the image's layers; `null`: it is put together. */
  directory: string | null;
}

/** As `prepareRoot` left it. */
export function rootOf(engine: Engine, { id, config }: ContainerRecord): ContainerRoot {
  const { rootfs } = config.request;
  if (rootfs !== undefined && !rootfs.overlay) return { driver: "directory", directory: rootfs.path };
  const home = engine.store.layout.container(id);
  const copy = copiedPlace(home);
  if (copy !== null) return { driver: "copy", directory: copy };
  return { driver: existsSync(`${home}/${FUSE_PROGRAM}`) ? FUSE_PROGRAM : "overlay", directory: null };
}

/** The copy of layers that was made instead of putting them together here; `null`: there is none. */
export function copiedPlace(directory: string): string | null {
  const root = `${directory}/root`;
  return existsSync(root) ? root : null;
}

/** Everything the keeper is told. */
export function specOf(engine: Engine, record: ContainerRecord, around: Surroundings): SandboxSpec {
  const { layout } = engine.store;
  const root = rootOf(engine, record);
  const { names, timezone } = record.config.request;
  const paths = {
    containerDir: layout.container(record.id),
    runtimeDir: layout.runtime(record.id),
    userRuntimeDir: layout.userRuntimeDir,
    lower: lowerDirectories(engine, record),
    root: root.directory,
    program: root.driver === FUSE_PROGRAM ? (findProgram(FUSE_PROGRAM) ?? FUSE_PROGRAM) : null,
    volumes: record.config.volumes.map((volume) => `${layout.volume(volume.name)}/_data`),
    images: imageDirectories(engine, record).map((lower, index) => ({
      lower,
      root: copiedPlace(`${layout.container(record.id)}/${imagePlace(index)}`),
    })),
  };
  return planSandbox(record.config, engine.host(), paths, {
    id: record.id,
    name: record.name,
    generation: record.generation,
    devices: [],
    joins: [],
    names: [],
    ...around,
    zone: timezone === undefined ? null : zoneFile(timezone),
    hostsBase: hostsBase(names),
  });
}
