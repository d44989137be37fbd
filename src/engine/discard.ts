// Taking a container away, in the order that survives a crash anywhere: the rows with a note of what is left on disk, the files
// into the trash, the note.

import { BunkerError, expectHostFailure } from "../errors.ts";
import { Trash } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { emptyTrash } from "./worker.ts";

/** The container must not be running, and its lock must be ours. `volumes`: its anonymous volumes go along. */
export function discardContainer(engine: Engine, id: string, options: { volumes: boolean }): void {
  engine.store.containers.remove(id, { volumes: options.volumes, durable: true, left: true });
  tidyUp(engine);
}

/** As `tieLooseEnds`, for what has happened already: what is left on disk is noted, and for the next command. */
export function tidyUp(engine: Engine): void {
  try {
    tieLooseEnds(engine);
  } catch (error) {
    if (!(expectHostFailure(error) instanceof BunkerError)) throw error;
  }
}

/** Removes from the disk what has no row any more. */
export function tieLooseEnds(engine: Engine): void {
  const { garbage, layout } = engine.store;
  const trash = new Trash(layout);
  garbage.tieLooseEnds(trash);
  emptyTrash(engine, trash);
}
