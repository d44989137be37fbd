// docker rename: the name is the database's alone, so a container may be doing whatever it does.

import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { viewContainer } from "./view.ts";

/** @throws BunkerError not-found, or conflict in docker's words */
export function renameContainer(engine: Engine, container: string, name: string): void {
  const { record } = viewContainer(engine, container);
  if (record.name === name) {
    throw new BunkerError("conflict", "Renaming a container with the same name as its current name");
  }
  engine.store.containers.rename(record.id, name);
}
