// Sizes of containers on disk: what they wrote, and with their image. Measured by a worker, as files inside belong to other ids.

import type { Engine } from "./engine.ts";
import { rootOf } from "./spec.ts";
import { startJob } from "./worker.ts";

export interface ContainerSize {
  written: number;
  total: number;
}

/** By id; one that is gone meanwhile is left out. */
export async function measureContainers(engine: Engine, ids: string[]): Promise<Map<string, ContainerSize>> {
  const { containers, images, layout } = engine.store;
  const records = ids.map((id) => containers.find(id)).filter((record) => record !== null);
  if (records.length === 0) return new Map();
  const roots = records.map((record) => rootOf(engine, record).directory);
  const paths = records.map(({ id }, at) => roots[at] ?? `${layout.container(id)}/upper`);
  const { sizes } = await startJob(engine, { op: "measure", paths }).result;
  const found = new Map<string, ContainerSize>();
  for (const [index, size] of (sizes as ({ bytes: number } | null)[]).entries()) {
    const record = records[index];
    if (size === null || record === undefined) continue;
    // Removed meanwhile, and its image too.
    if (containers.find(record.id) === null) continue;
    const below = record.imageId === null ? 0 : images.byId(record.imageId).size;
    // A copy has the image in it.
    const written = roots[index] === null ? size.bytes : Math.max(0, size.bytes - below);
    found.set(record.id, { written, total: written + below });
  }
  return found;
}
