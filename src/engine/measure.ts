// Sizes of containers on disk: what they wrote, and with their image. Measured by a worker, as files inside belong to other ids.

import type { Engine } from "./engine.ts";
import { startJob } from "./worker.ts";

export interface ContainerSize {
  written: number;
  total: number;
}

/** By id; one that is gone meanwhile is left out. */
export async function measureContainers(engine: Engine, ids: string[]): Promise<Map<string, ContainerSize>> {
  const { containers, images, layout } = engine.store;
  if (ids.length === 0) return new Map();
  const paths = ids.map((id) => `${layout.container(id)}/upper`);
  const { sizes } = await startJob(engine, { op: "measure", paths }).result;
  const found = new Map<string, ContainerSize>();
  for (const [index, size] of (sizes as ({ bytes: number } | null)[]).entries()) {
    const id = ids[index];
    if (size === null || id === undefined) continue;
    const image = images.byId(containers.resolve(id).imageId);
    found.set(id, { written: size.bytes, total: size.bytes + image.size });
  }
  return found;
}
