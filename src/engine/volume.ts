// docker's volume verbs: rows first with a note of what lies on disk, as with containers.

import { BunkerError } from "../errors.ts";
import { makeTree } from "../native/index.ts";
import { noSuchVolume, type VolumeRecord } from "../store/index.ts";
import { isVolumeName, refuseVolumeName } from "../volume/index.ts";
import type { Engine } from "./engine.ts";
import { tidyUp, tieLooseEnds } from "./discard.ts";
import { viewRecord } from "./view.ts";
import { startJob } from "./worker.ts";

const PRIVATE = 0o700;
const READABLE = 0o755;

/** @returns its name; one that is there already is left as it is */
export function createVolume(engine: Engine, name: string | null, labels: Record<string, string>): string {
  const { store } = engine;
  if (name !== null && !isVolumeName(name)) throw refuseVolumeName(name);
  const chosen = name ?? store.newId();
  tieLooseEnds(engine);
  store.volumes.add({ name: chosen, anonymous: name === null, labels }, () =>
    makeTree(store.layout.dataHome, [
      { path: "volumes", mode: PRIVATE },
      { path: `volumes/${chosen}`, mode: PRIVATE },
      { path: `volumes/${chosen}/_data`, mode: READABLE },
    ]),
  );
  return chosen;
}

export function listVolumes(engine: Engine): VolumeRecord[] {
  return engine.store.volumes.list();
}

/** docker's JSON of a volume. @throws BunkerError not-found */
export function inspectVolume(engine: Engine, name: string): Record<string, unknown> {
  const volume = engine.store.volumes.find(name);
  if (volume === null) throw noSuchVolume(name);
  return {
    CreatedAt: volume.createdAt,
    Driver: "local",
    Labels: Object.keys(volume.labels).length === 0 ? null : volume.labels,
    Mountpoint: mountpoint(engine, name),
    Name: name,
    Options: null,
    Scope: "local",
  };
}

export function mountpoint(engine: Engine, name: string): string {
  return `${engine.store.layout.volume(name)}/_data`;
}

/** @throws BunkerError not-found, or conflict while a container uses it */
export function removeVolume(engine: Engine, name: string): void {
  settleUsers(engine, name);
  engine.store.volumes.remove(name);
  tidyUp(engine);
}

/** What a dead command left half made uses nothing any more, once somebody has looked at it. */
function settleUsers(engine: Engine, name: string): void {
  const { volumes, containers } = engine.store;
  for (const id of volumes.find(name)?.users ?? []) {
    const record = containers.find(id);
    if (record !== null) viewRecord(engine, record);
  }
}

/** Removes those of `names` that nobody uses. @returns which, and how many bytes they took */
export async function pruneVolumes(
  engine: Engine,
  names: readonly string[],
): Promise<{ removed: string[]; bytes: number }> {
  const sizes = await measureVolumes(engine, names);
  const removed = names.filter((name) => {
    try {
      removeVolume(engine, name);
      return true;
    } catch (error) {
      // A container has taken it meanwhile, or somebody else has removed it.
      if (error instanceof BunkerError && /^(?:conflict|not-found)$/.test(error.code)) return false;
      throw error;
    }
  });
  return { removed, bytes: removed.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0) };
}

async function measureVolumes(engine: Engine, names: readonly string[]): Promise<Map<string, number>> {
  if (names.length === 0) return new Map();
  const paths = names.map((name) => mountpoint(engine, name));
  const { sizes } = await startJob(engine, { op: "measure", paths }).result;
  const measured = (sizes as ({ bytes: number } | null)[]).map((size) => size?.bytes ?? 0);
  return new Map(names.map((name, at) => [name, measured[at] ?? 0]));
}
