// Sizes of containers on disk: what they wrote, and with their image. Measured by a worker, as files inside belong to other ids.

import type { Engine } from "./engine.ts";
import { copiedRoot } from "./spec.ts";
import { startJob } from "./worker.ts";

export interface ContainerSize {
  written: number;
  total: number;
}

/** By id; one that is gone meanwhile is left out. */
export async function measureContainers(engine: Engine, ids: string[]): Promise<Map<string, ContainerSize>> {
  const { containers, images, layout } = engine.store;
  if (ids.length === 0) return new Map();
  const copies = ids.map((id) => copiedRoot(engine, id));
  const paths = ids.map((id, at) => copies[at] ?? `${layout.container(id)}/upper`);
  const { sizes } = await startJob(engine, { op: "measure", paths }).result;
  const found = new Map<string, ContainerSize>();
  for (const [index, size] of (sizes as ({ bytes: number } | null)[]).entries()) {
    const id = ids[index];
    if (size === null || id === undefined) continue;
    const record = containers.find(id);
    if (record === null) continue;
    const image = images.byId(record.imageId);
    // A copy has the image in it.
    const written = copies[index] === null ? size.bytes : Math.max(0, size.bytes - image.size);
    found.set(id, { written, total: written + image.size });
  }
  return found;
}
