// Taking a container away, in the order that survives a crash anywhere: tombstone, rename to the trash, drop the row, unlink later.

import { rmSync } from "node:fs";
import type { Engine } from "./engine.ts";
import { emptyTrash } from "./worker.ts";

/** The container must not be running. `volumes`: its anonymous volumes go along. */
export function discardContainer(engine: Engine, id: string, options: { volumes: boolean }): void {
  const { layout, containers, garbage } = engine.store;
  containers.setState(id, "removing");
  const doomed = [garbage.toTrash(layout.container(id), id)];
  if (options.volumes) {
    for (const volume of containers.ownVolumes(id)) doomed.push(garbage.toTrash(layout.volume(volume), volume));
  }
  rmSync(layout.runtime(id), { recursive: true, force: true });
  containers.remove(id, { volumes: options.volumes, durable: true });
  emptyTrash(
    engine,
    doomed.filter((name) => name !== null),
  );
}
