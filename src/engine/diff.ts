// docker diff: what a container added to its image's files, changed of them, or removed.

import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { lowerDirectories, rootOf } from "./spec.ts";
import { viewContainer } from "./view.ts";
import { startJob } from "./worker.ts";

export interface FileChange {
  kind: "A" | "C" | "D";
  /** Inside, absolute. */
  path: string;
}

/** Where the engine mounts something of its own; with a map of its own a container makes these itself, for want of a layer of ours. */
const OWN_PLACES = new Set([
  "/dev",
  "/etc/hostname",
  "/etc/hosts",
  "/etc/resolv.conf",
  "/proc",
  "/run/.containerenv",
  "/sys",
]);

/** By their paths. @throws BunkerError not-found, unsupported where there is nothing to compare with */
export async function containerChanges(engine: Engine, name: string): Promise<FileChange[]> {
  const { record } = viewContainer(engine, name);
  const { driver, directory } = rootOf(engine, record);
  if (driver === "directory") {
    throw new BunkerError(
      "unsupported",
      `container "${record.name}" has no image: its root is the directory "${directory}"`,
      {
        hint: "With --rootfs DIRECTORY:O its changes would be its own.",
      },
    );
  }
  const { changes } = await startJob(engine, {
    op: "changes",
    own: directory ?? `${engine.store.layout.container(record.id)}/upper`,
    layers: lowerDirectories(engine, record),
    complete: directory !== null,
  }).result;
  const all = (changes as [FileChange["kind"], string][]).map(([kind, path]) => ({ kind, path }));
  return all.filter(({ kind, path }) => kind !== "A" || !OWN_PLACES.has(path));
}
