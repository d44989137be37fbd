// docker diff: what a container added to its image's files, changed of them, or removed.

import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { copiedRoot, lowerDirectories, ownRoot } from "./spec.ts";
import { viewContainer } from "./view.ts";
import { startJob } from "./worker.ts";

export interface FileChange {
  kind: "A" | "C" | "D";
  /** Inside, absolute. */
  path: string;
}

/** By their paths. @throws BunkerError not-found, unsupported where there is nothing to compare with */
export async function containerChanges(engine: Engine, name: string): Promise<FileChange[]> {
  const { record } = viewContainer(engine, name);
  const own = ownRoot(record);
  if (own !== null) {
    throw new BunkerError(
      "unsupported",
      `container "${record.name}" has no image: its root is the directory "${own}"`,
      {
        hint: "With --rootfs DIRECTORY:O its changes would be its own.",
      },
    );
  }
  const copy = copiedRoot(engine, record.id);
  const { changes } = await startJob(engine, {
    op: "changes",
    own: copy ?? `${engine.store.layout.container(record.id)}/upper`,
    layers: lowerDirectories(engine, record),
    complete: copy !== null,
  }).result;
  return (changes as [FileChange["kind"], string][]).map(([kind, path]) => ({ kind, path }));
}
