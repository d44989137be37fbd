// docker's --volumes-from: which mounts of another container become this one's. Pure.

import type { BindRequest, Borrowed, ContainerConfig, VolumeUse } from "./config.ts";
import type { VolumesFrom } from "../volume/index.ts";

/** Binds and volumes of containers, in the order named: where two have the same place the later one wins. tmpfs are nobody else's. */
export function inheritMounts(
  sources: readonly { config: ContainerConfig; from: VolumesFrom }[],
): Pick<Borrowed, "binds" | "volumes"> {
  const places = new Map<string, { bind: BindRequest } | { volume: VolumeUse }>();
  for (const { config, from } of sources) {
    const own = config.request.mounts.filter((mount) => mount.kind === "bind");
    for (const { chown: _chown, ...bind } of [...own, ...(config.binds ?? [])]) {
      const readonly = bind.readonly || from.readonly;
      // It was made, or found, for the other one.
      places.set(bind.target, { bind: { ...bind, readonly, createSource: false } });
    }
    for (const { chown: _chown, ...volume } of config.volumes) {
      const readonly = volume.readonly || from.readonly;
      places.set(volume.target, { volume: { ...volume, readonly, copyUp: false } });
    }
  }
  const found = [...places.values()];
  return {
    binds: found.flatMap((mount) => ("bind" in mount ? [mount.bind] : [])),
    volumes: found.flatMap((mount) => ("volume" in mount ? [mount.volume] : [])),
  };
}
