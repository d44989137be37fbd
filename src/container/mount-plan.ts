// What is mounted into a container, from the root down, as the keeper is told. Pure.

import type { DeviceRequest } from "../volume/index.ts";
import type { ContainerConfig } from "./config.ts";
import type { MountSpec } from "./sandbox-spec.ts";

/** Where on the host lies what is mounted. */
export interface MountSources {
  containerDir: string;
  /** `_data` directory of each of the config's volumes, in order. */
  volumes: string[];
  /** Layer directories of each image that is mounted, or the copy of them. */
  images: { lower: string[]; root: string | null }[];
  /** The host's file of a time zone. */
  zone: string | null;
  devices: DeviceRequest[];
  /** Another container's files of names, instead of its own. */
  names: { source: string; target: string }[];
}

export function planMounts(config: ContainerConfig, sources: MountSources): MountSpec[] {
  const mounts: MountSpec[] = sources.zone === null ? [] : planZone(config, sources.zone);
  for (const mount of [...config.request.mounts, ...(config.binds ?? [])]) {
    if (mount.kind === "bind") {
      const { createSource: _made, ...bind } = mount;
      mounts.push({ ...bind, dev: false, suid: false, exec: true });
    } else if (mount.kind === "tmpfs") mounts.push(mount);
  }
  config.volumes.forEach(({ name: _name, anonymous: _anonymous, ...volume }, index) => {
    mounts.push({ kind: "volume", source: sources.volumes[index] ?? "", ...volume });
  });
  for (const target of config.tmpfs ?? []) {
    mounts.push({ kind: "tmpfs", target, size: null, mode: null, readonly: false, exec: true, copyUp: true });
  }
  const { initPath } = config.request;
  if (initPath !== undefined) {
    mounts.push({ kind: "bind", source: initPath, target: INIT_PLACE, readonly: true, ...CLOSED, exec: true });
  }
  config.images?.forEach(({ imageId: _imageId, ...image }, index) => {
    const place = `${sources.containerDir}/${imagePlace(index)}`;
    const { lower, root } = sources.images[index] ?? { lower: [], root: null };
    mounts.push({ kind: "image", lower, place, root, ...image });
  });
  for (const { source, target } of sources.devices) mounts.push({ kind: "device", source, target });
  mounts.push(...planNames(config, sources.names));
  // A parent before what lies in it, whatever the order of the flags.
  return mounts.sort((a, b) => depth(a.target) - depth(b.target));
}

/** Where a program of the host's that is to be the init lies inside. */
export const INIT_PLACE = "/run/bunker-init";

const CLOSED = { recursive: false, propagation: "", dev: false, suid: false, exec: false };

/** A mount the user asked for at the same place wins. */
function planNames({ request, binds = [] }: ContainerConfig, names: MountSources["names"]): MountSpec[] {
  const taken = new Set([...request.mounts, ...binds].map(({ target }) => target));
  const free = names.filter(({ target }) => !taken.has(target));
  return free.map((name) => ({ kind: "bind", ...name, readonly: false, ...CLOSED }));
}

/** In a container's directory: where an image that is mounted is put together. */
export function imagePlace(index: number): string {
  return `image-${index}`;
}

const LOCAL_TIME = "/etc/localtime";

/** A mount the user asked for at the same place wins. */
function planZone({ request, binds = [] }: ContainerConfig, source: string): MountSpec[] {
  if ([...request.mounts, ...binds].some((mount) => mount.target === LOCAL_TIME)) return [];
  return [{ kind: "bind", source, target: LOCAL_TIME, readonly: true, ...CLOSED }];
}

function depth(target: string): number {
  return target.split("/").filter((part) => part !== "" && part !== ".").length;
}
