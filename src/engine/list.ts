// All containers as they are now. Whoever looks at all of them also finds what the dead left.

import { BunkerError } from "../errors.ts";
import { keeperOf } from "./adopt.ts";
import type { Engine } from "./engine.ts";
import { sweepRuntime } from "./sweep.ts";
import { type ContainerView, viewRecord } from "./view.ts";

/** Newest first. `active`: only those that may be running, which costs nothing for all the others. */
export function listContainers(engine: Engine, { active }: { active: boolean }): ContainerView[] {
  const views: ContainerView[] = [];
  for (const record of engine.store.containers.list(active)) {
    const view = viewRecord(engine, record);
    if (view === null) continue;
    views.push(view);
    if (view.orphaned) adoptQuietly(engine, view);
  }
  sweepRuntime(engine);
  return views;
}

/** Nobody reads its output until it has a keeper again: it would wait when its pipe is full. */
function adoptQuietly(engine: Engine, view: ContainerView): void {
  try {
    keeperOf(engine, view)?.close();
  } catch (error) {
    // It is to be listed all the same; who needs the keeper is told.
    if (!(error instanceof BunkerError)) throw error;
  }
}
