// podman system reset: containers, volumes and images go, and what the dead left. In the order of any other removal, so that a crash
// anywhere leaves a store that works; where the database cannot be read any more, everything is moved away together.

import { readdirSync, rmSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import { closeFd, isLocked, signalProcess, waitLock } from "../native/index.ts";
import { discardDatabase, Trash, UnusableStore } from "../store/index.ts";
import { clearRuntime } from "./container-lock.ts";
import type { Engine } from "./engine.ts";
import { throwFirst } from "./failures.ts";
import { removeGroup } from "./group.ts";
import { listContainers } from "./list.ts";
import { removeContainer } from "./stop.ts";
import { isAlive, readKeeperState } from "./view.ts";
import { removeVolume } from "./volume.ts";
import { startJob } from "./worker.ts";

const SIGKILL = 9;
/** How long a keeper may take to notice that its container was killed. */
const KEEPER_TRIES = 400;
const KEEPER_PAUSE_MS = 5;

/** Returns when the disk has its room back. @throws BunkerError when something would not go */
export async function resetStore(engine: Engine): Promise<void> {
  const { layout } = engine.store;
  const trash = new Trash(layout);
  try {
    await removeAll(engine);
    const { garbage } = engine.store;
    garbage.tieLooseEnds(trash);
    garbage.sweepStaging(trash);
    garbage.sweepOrphans(trash);
    garbage.sweepPartial({ olderThan: 0 });
  } catch (error) {
    if (!(error instanceof UnusableStore)) throw error;
    killAll(engine);
    discardDatabase(layout, trash);
  }
  await emptyAll(engine, trash);
  // The host may have learnt to do better since that was tried.
  rmSync(layout.storageFinding(), { force: true });
}

async function removeAll(engine: Engine): Promise<void> {
  const { images, volumes } = engine.store;
  const views = listContainers(engine, { active: false });
  const removals = views.map(({ record }) => removeContainer(engine, record.id, { force: true, volumes: true }));
  throwFirst(await Promise.allSettled(removals.map((removal) => unlessGone(removal))));
  for (const { name } of volumes.list()) await unlessGone(() => removeVolume(engine, name));
  for (const { id } of images.list()) {
    await unlessGone(() =>
      images.remove(id, ({ references, users }) => ({ names: references, whole: users.length === 0 })),
    );
  }
}

/** Somebody else's removal is as good as ours. */
async function unlessGone(removal: Promise<unknown> | (() => unknown)): Promise<void> {
  try {
    await (typeof removal === "function" ? removal() : removal);
  } catch (error) {
    if (!(error instanceof BunkerError) || error.code !== "not-found") throw error;
  }
}

/** Without the database: what lives is found by what its keepers wrote down. */
function killAll(engine: Engine): void {
  const { layout } = engine.store;
  for (const id of list(`${layout.userRuntimeDir}/c`)) {
    const lock = `${layout.runtime(id)}/lock`;
    const state = readKeeperState(layout.runtime(id));
    if (state !== null && isAlive(state)) signalProcess(state, SIGKILL);
    for (let attempt = 0; isLocked(lock) && attempt < KEEPER_TRIES; attempt++) Bun.sleepSync(KEEPER_PAUSE_MS);
    if (state !== null && state.cgroup !== null) removeGroup(state.cgroup);
    if (!isLocked(lock)) clearRuntime(engine, id);
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Waits for those who are at work in the trash, then empties it of all that is left. */
async function emptyAll(engine: Engine, trash: Trash): Promise<void> {
  const { layout } = engine.store;
  const doomed = trash.handOver();
  if (doomed !== null) closeFd(doomed.share);
  closeFd(await waitLock(layout.trashLock()));
  const rest = new Trash(layout);
  rest.addAbandoned();
  const last = rest.handOver();
  if (last === null) return;
  try {
    const job = { op: "remove" as const, directory: layout.trash(), names: last.names };
    await startJob(engine, job, [last.share]).result;
  } finally {
    closeFd(last.share);
  }
}
