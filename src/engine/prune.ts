// docker's prune of containers and images: what nobody uses goes; what somebody has taken up meanwhile stays.

import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { type Removed, removalLines } from "./image.ts";
import { listContainers } from "./list.ts";
import { measureContainers } from "./measure.ts";
import { layerMap } from "./spec.ts";
import { removeContainer } from "./stop.ts";

/** Removes those that still do not run. @returns which, and how many bytes they had written */
export async function pruneContainers(
  engine: Engine,
  ids: readonly string[],
): Promise<{ removed: string[]; bytes: number }> {
  const sizes = await measureContainers(engine, [...ids]);
  const removed: string[] = [];
  for (const id of ids) {
    if (await unlessTaken(() => removeContainer(engine, id, { force: false, volumes: false }))) removed.push(id);
  }
  return { removed, bytes: removed.reduce((sum, id) => sum + (sizes.get(id)?.written ?? 0), 0) };
}

/** Removes whole images, with all their names; `dangling`: only if they have none. @returns what went, and the bytes of it */
export async function pruneImages(
  engine: Engine,
  ids: readonly string[],
  { dangling }: { dangling: boolean },
): Promise<Removed & { bytes: number }> {
  // What a dead command left half made uses nothing any more, once somebody has looked at it.
  listContainers(engine, { active: true });
  const pruned = { untagged: new Array<string>(), deleted: new Array<string>(), bytes: 0 };
  for (const id of ids) {
    await unlessTaken(() => {
      const removal = engine.store.images.remove(id, ({ references, users }) => {
        if (users.length > 0 || (dangling && references.length > 0)) throw taken(id);
        return { names: references, whole: true };
      });
      const { untagged, deleted } = removalLines(removal);
      pruned.untagged.push(...untagged);
      pruned.deleted.push(...deleted);
      pruned.bytes += removal.bytes;
    });
  }
  pruned.bytes += engine.store.images.dropCopies(layerMap(engine), () =>
    engine.store.containers.list(false).flatMap(({ imageId, config }) => {
      const map = layerMap(engine, config.request.userns);
      const images = (config.images ?? []).map((image) => image.imageId);
      return [...(imageId === null ? [] : [imageId]), ...images].map((id) => ({ imageId: id, map }));
    }),
  );
  return pruned;
}

function taken(id: string): BunkerError {
  return new BunkerError("conflict", `image "${id}" is used meanwhile`);
}

/** @returns false when somebody else has taken it up, or removed it, since it was chosen */
async function unlessTaken(remove: () => Promise<void> | void): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    if (error instanceof BunkerError && /^(?:conflict|not-found)$/.test(error.code)) return false;
    throw error;
  }
}
