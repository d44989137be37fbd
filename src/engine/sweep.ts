// What the dead left, tidied by whoever comes next: after each command, when its answer has been given. Costs a few system calls
// where nothing was left, and never fails a command.

import { readdirSync, statSync, writeFileSync } from "node:fs";
import { log } from "../log.ts";
import { Trash } from "../store/index.ts";
import { clearRuntime, withContainerLock } from "./container-lock.ts";
import type { Engine } from "./engine.ts";
import { isAlive, readKeeperState, viewRecord } from "./view.ts";
import { emptyTrash } from "./worker.ts";

/** Looking at every container is for `ps`; others do it now and then, so that it is done where nobody ever lists. */
const RUNTIME_INTERVAL_MS = 60_000;

/** Everything. */
export function sweep(engine: Engine): void {
  quietly(() => sweepStore(engine));
  quietly(() => sweepSometimes(engine));
  engine.store.reserve.restore();
}

function sweepStore(engine: Engine): void {
  const { garbage, layout } = engine.store;
  const trash = new Trash(layout);
  garbage.tieLooseEnds(trash);
  // Whoever died while putting an image in place left its staging behind.
  if (garbage.sweepStaging(trash)) garbage.sweepOrphans(trash);
  trash.addAbandoned();
  emptyTrash(engine, trash);
}

function sweepSometimes(engine: Engine): void {
  const { containers, garbage, layout } = engine.store;
  const marker = `${layout.userRuntimeDir}/swept`;
  const now = Date.now();
  const last = statSync(marker, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // A clock that was set back must not stop it.
  if (last <= now && now - last < RUNTIME_INTERVAL_MS) return;
  writeFileSync(marker, "", { mode: 0o600 });
  for (const record of containers.list(true)) viewRecord(engine, record);
  sweepRuntime(engine);
  garbage.sweepPartial();
}

/** Runtime directories of containers that are not, or no longer, at work. */
export function sweepRuntime(engine: Engine): void {
  quietly(() => {
    const { containers, layout } = engine.store;
    const present = readdirSync(`${layout.userRuntimeDir}/c`);
    if (present.length === 0) return;
    const active = new Set(containers.list(true).map(({ id }) => id));
    for (const id of present) if (!active.has(id)) sweepOne(engine, id);
  });
}

function sweepOne(engine: Engine, id: string): void {
  withContainerLock(engine, id, () => {
    const row = engine.store.containers.find(id)?.state;
    // Reserved or started since we looked: then its creator had the lock, and died.
    if (row !== undefined && row !== "created" && row !== "ended") return;
    // It lives, though its row is gone with a lost database: not ours to touch.
    const keeper = readKeeperState(engine.store.layout.runtime(id));
    if (keeper === null || !isAlive(keeper)) clearRuntime(engine, id);
  });
}

function quietly(action: () => void): void {
  try {
    action();
  } catch (error) {
    // Full, read-only, not there: the command's own answer counts, and the next one tries again.
    log.debug(`tidying up: ${String(error)}`);
  }
}
