// docker rename: the name is the database's, and that of a container that runs is known on its networks too.

import { BunkerError } from "../errors.ts";
import { keeperOf } from "./adopt.ts";
import type { Engine } from "./engine.ts";
import { viewContainer } from "./view.ts";

/** @throws BunkerError not-found, or conflict in docker's words */
export function renameContainer(engine: Engine, container: string, name: string): void {
  const view = viewContainer(engine, container);
  const { record } = view;
  if (record.name === name) {
    throw new BunkerError("conflict", "Renaming a container with the same name as its current name");
  }
  const { containers, networks } = engine.store;
  containers.rename(record.id, name);
  if (networks.endpointsOf(record.id).length === 0) return;
  try {
    using keeper = keeperOf(engine, view);
    keeper?.request("rename", { name });
  } catch (error) {
    containers.rename(record.id, record.name);
    throw error;
  }
}
