// The printable plan of a container's start: its model and the host's facts become a SandboxSpec. Also what an adopting keeper needs.

import { existsSync } from "node:fs";
import {
  type JoinSpec,
  type NetworkSpec,
  planSandbox,
  type SandboxSpec,
  type UsernsRequest,
} from "../container/index.ts";
import type { DeviceRequest } from "../volume/index.ts";
import type { ContainerRecord, LayerMap } from "../store/index.ts";
import type { Engine } from "./engine.ts";
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

/** The class of id mapping that this user's containers have. */
export function layerMap(engine: Engine, userns?: UsernsRequest): LayerMap {
  if (userns?.kind === "keep") return `keep-${userns.uid}-${userns.gid}`;
  const { subuids, subgids } = engine.host();
  return subuids.length > 0 && subgids.length > 0 ? "user" : "single";
}

/** Overlayfs stacks no more (OVL_MAX_STACK). */
const MAX_LOWER = 500;

/** The image's layers (or the one directory instead), topmost first, and below them the mount points: making those in the upper would cost each start a millisecond. */
export function lowerDirectories(engine: Engine, record: ContainerRecord): string[] {
  const { layout, layers } = engine.store;
  const { userns, rootfs } = record.config.request;
  const directories =
    record.imageId === null ? [rootfs?.path ?? ""] : layers.lowerDirectories(record.imageId, layerMap(engine, userns));
  // Those are the caller's, who is somebody else inside with a map of its own.
  return directories.length < MAX_LOWER && userns?.kind !== "keep"
    ? [...directories, layout.mountPoints()]
    : directories;
}

/** The directory that is a container's root, a copy of its image's layers or the user's own; `null`: it has an overlay. */
export function rootDirectory(engine: Engine, record: ContainerRecord): string | null {
  return ownRoot(record) ?? copiedRoot(engine, record.id);
}

/** The user's directory that is a container's root as it is. */
export function ownRoot({ config }: ContainerRecord): string | null {
  const { rootfs } = config.request;
  return rootfs === undefined || rootfs.overlay ? null : rootfs.path;
}

/** The copy of its image's layers that is a container's root. */
export function copiedRoot(engine: Engine, id: string): string | null {
  const root = `${engine.store.layout.container(id)}/root`;
  return existsSync(root) ? root : null;
}

/** Everything the keeper is told. */
export function specOf(engine: Engine, record: ContainerRecord, around: Surroundings): SandboxSpec {
  const { layout, layers } = engine.store;
  const { names, timezone } = record.config.request;
  const paths = {
    containerDir: layout.container(record.id),
    runtimeDir: layout.runtime(record.id),
    userRuntimeDir: layout.userRuntimeDir,
    lower: lowerDirectories(engine, record),
    root: rootDirectory(engine, record),
    volumes: record.config.volumes.map((volume) => `${layout.volume(volume.name)}/_data`),
    images: (record.config.images ?? []).map(({ imageId }) =>
      layers.lowerDirectories(imageId, layerMap(engine, record.config.request.userns)),
    ),
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
