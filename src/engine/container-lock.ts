// A container's lock in the runtime directory: had by its creator, by whoever starts or removes it, and by its keeper for as long
// as it lives. Free while nobody is at work on it.

import { rmdirSync, rmSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { acquireLock, closeFd, makeTree } from "../native/index.ts";
import type { Engine } from "./engine.ts";

const PRIVATE = 0o700;
/** What a keeper leaves when it is killed; the lock last, as whoever finds it missing makes a new one. */
const FILES = ["state.json", "state.json.new", "ctl", "lock"];
/** Somebody may be sweeping the directory at this very moment. */
const TRIES = 20;

/** Takes it, making its directory; `null`: somebody else has it. */
export function lockContainer(engine: Engine, id: string): number | null {
  const { layout } = engine.store;
  for (let attempt = 1; ; attempt++) {
    try {
      makeTree(layout.userRuntimeDir, [
        { path: "c", mode: PRIVATE },
        { path: `c/${id}`, mode: PRIVATE },
      ]);
      return acquireLock(`${layout.runtime(id)}/lock`);
    } catch (error) {
      if (!(error instanceof BunkerError) || attempt === TRIES) throw error;
    }
  }
}

/** How long somebody else may be at work on a container. */
const PATIENCE_TRIES = 1000;
const PATIENCE_PAUSE_MS = 5;

/**
 * Tries until something comes of it: somebody else may be starting, ending, removing or sweeping the container at this very moment.
 *
 * @throws BunkerError system when that does not end
 */
export async function untilFree<T>(name: string, attempt: () => T | null | Promise<T | null>): Promise<T> {
  for (let count = 0; count < PATIENCE_TRIES; count++) {
    const taken = await attempt();
    if (taken !== null) return taken;
    await Bun.sleep(PATIENCE_PAUSE_MS);
  }
  throw new BunkerError("system", `container "${name}" is being started or removed by somebody else`, {
    hint: "Run the command again.",
  });
}

/** Runs something under the lock, and gives it back; `null`: somebody else has it. */
export function withContainerLock<T>(engine: Engine, id: string, use: () => T): { result: T } | null {
  const lock = lockContainer(engine, id);
  if (lock === null) return null;
  try {
    return { result: use() };
  } finally {
    closeFd(lock);
  }
}

/** Removes what lies in the runtime directory of a container that does not run. The lock must be ours; it is as good as free after. */
export function clearRuntime(engine: Engine, id: string): void {
  const directory = engine.store.layout.runtime(id);
  try {
    for (const name of FILES) rmSync(`${directory}/${name}`, { force: true });
    rmdirSync(directory);
  } catch {
    // Somebody is making it anew, or it is for the next sweep.
  }
}
