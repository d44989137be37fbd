// Containers as they are now: rows joined with what the kernel and the keeper's files say.
// Reconciles a row when its container is found ended; prints nothing.

import { readFileSync } from "node:fs";
import { type ExitRecord, judge, type KeeperState, type Verdict } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { acquireLock, isLocked } from "../native/index.ts";
import type { ContainerRecord } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { isSameProcess, readBootId } from "./host.ts";
import { connectKeeper, type KeeperChannel, startKeeper } from "./keeper.ts";
import { specOf } from "./start.ts";

/** A container's row and what it is doing. */
export interface ContainerView extends Omit<Verdict, "status"> {
  record: ContainerRecord;
  status: Verdict["status"] | "removing";
}

/** Every container there is, newest first; undone ones and leftovers of the dead are swept on the way. */
export function listContainers(engine: Engine): ContainerView[] {
  const views: ContainerView[] = [];
  for (const record of engine.store.containers.list()) {
    const view = viewRecord(engine, record);
    if (view !== null) views.push(view);
  }
  return views;
}

/** One container by id, unique id prefix or name. @throws BunkerError not-found in docker's words */
export function viewContainer(engine: Engine, name: string): ContainerView {
  const view = viewRecord(engine, engine.store.containers.resolve(name));
  if (view === null) throw noSuchContainer(name);
  return view;
}

export function noSuchContainer(name: string): BunkerError {
  return new BunkerError("not-found", `no such container: ${name}`, {
    hint: "`bunker ps -a` lists the containers there are.",
  });
}

/** `null`: what was being created, or was to be removed at its end, by somebody who died; it is undone now. */
function viewRecord(engine: Engine, record: ContainerRecord): ContainerView | null {
  if (record.state === "ended" && record.exit !== null) {
    const verdict = judge({
      generation: record.generation,
      locked: false,
      state: null,
      alive: false,
      exit: record.exit,
    });
    return { ...verdict, record };
  }
  const { layout } = engine.store;
  const runtimeDir = layout.runtime(record.id);
  // The lock first: a keeper writes its exit record before it lets go.
  const locked = isLocked(`${runtimeDir}/lock`);
  const state = readJson<KeeperState>(`${runtimeDir}/state.json`);
  const alive = !locked && state !== null && isAlive(state);
  const exit = readJson<ExitRecord>(`${layout.container(record.id)}/exit.json`);
  const verdict = judge({ generation: record.generation, locked, state, alive, exit });
  const over = !locked && !alive;
  const abandoned =
    over && (record.state === "creating" || (record.config.request.autoRemove && record.generation > 0));
  if (abandoned || (over && record.state === "removing")) {
    engine.store.containers.remove(record.id, { volumes: record.config.request.autoRemove });
    return null;
  }
  if (over && exit !== null && exit.generation === record.generation) engine.store.containers.end(record.id, exit);
  return { ...verdict, record, ...(record.state === "removing" ? { status: "removing" as const } : {}) };
}

function isAlive(state: KeeperState): boolean {
  return state.bootId === readBootId() && isSameProcess(state.pid, state.startTime);
}

/** A JSON file of ours; missing or half a file (an older crash) is as good as none. */
export function readJson<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return null;
  }
}

/**
 * A connection to the container's keeper; an orphaned container gets a new keeper first.
 * `null`: the container is not running.
 */
export async function keeperOf(engine: Engine, view: ContainerView): Promise<KeeperChannel | null> {
  if (view.status !== "running") return null;
  const runtimeDir = engine.store.layout.runtime(view.record.id);
  const connected = connectKeeper(runtimeDir);
  if (connected !== null) return connected;
  return adopt(engine, view);
}

function adopt(engine: Engine, view: ContainerView): KeeperChannel | null {
  const { record } = view;
  const runtimeDir = engine.store.layout.runtime(record.id);
  const lock = acquireLock(`${runtimeDir}/lock`);
  // Somebody else adopts it at this very moment: theirs will answer soon.
  if (lock === null) return retryConnect(runtimeDir);
  const state = readJson<KeeperState>(`${runtimeDir}/state.json`);
  const keeper = startKeeper(lock);
  try {
    keeper.request("adopt", { spec: specOf(engine, record, { kind: "none" }, { rows: 0, columns: 0 }), state });
    return keeper;
  } catch (error) {
    keeper.close();
    if (error instanceof BunkerError && error.code === "not-running") return null;
    throw error;
  }
}

const ADOPTION_TRIES = 100;
const ADOPTION_PAUSE_MS = 10;

function retryConnect(runtimeDir: string): KeeperChannel | null {
  for (let attempt = 0; attempt < ADOPTION_TRIES; attempt++) {
    const keeper = connectKeeper(runtimeDir);
    if (keeper !== null) return keeper;
    if (!isLocked(`${runtimeDir}/lock`)) return null;
    Bun.sleepSync(ADOPTION_PAUSE_MS);
  }
  return null;
}
