// Containers as they are now: rows joined with what the kernel and the keeper's files say. A row is brought up to date when its
// container is found ended, and what its creator left half made is undone. Prints nothing.

import { readFileSync, rmdirSync } from "node:fs";
import { type ExitRecord, judge, type KeeperState, type Verdict } from "../container/index.ts";
import { isLocked } from "../native/index.ts";
import { type ContainerRecord, noSuchContainer } from "../store/index.ts";
import type { Engine } from "./engine.ts";
import { isSameProcess, readBootId } from "./host.ts";
import { discardContainer } from "./discard.ts";

/** A container's row and what it is doing. */
export interface ContainerView extends Verdict {
  record: ContainerRecord;
}

/** Containers, newest first. `active`: only those that may be running, which costs nothing for all the others. */
export function listContainers(engine: Engine, { active }: { active: boolean }): ContainerView[] {
  const views: ContainerView[] = [];
  for (const record of engine.store.containers.list(active)) {
    const view = viewRecord(engine, record);
    if (view !== null) views.push(view);
  }
  return views;
}

/** One container by id, name or beginning of an id. @throws BunkerError not-found in docker's words */
export function viewContainer(engine: Engine, name: string): ContainerView {
  const view = viewRecord(engine, engine.store.containers.resolve(name));
  if (view === null) throw noSuchContainer(name);
  return view;
}

/** `null`: half made or half removed by somebody who died; it is gone now. */
function viewRecord(engine: Engine, record: ContainerRecord): ContainerView | null {
  if (record.state === "created" || record.state === "ended") {
    return {
      ...judge({ generation: record.generation, locked: false, state: null, alive: false, exit: record.exit }),
      record,
    };
  }
  const witnesses = readWitnesses(engine, record);
  const verdict = judge(witnesses);
  const over = !witnesses.locked && !witnesses.alive;
  if (!over) return { ...verdict, record };
  const hasEnded = witnesses.exit?.generation === record.generation;
  const abandoned = record.config.request.autoRemove || (record.state === "creating" && !hasEnded);
  if (record.state === "removing" || abandoned) {
    discardContainer(engine, record.id, { volumes: record.config.request.autoRemove });
    return null;
  }
  if (witnesses.exit !== null && hasEnded) engine.store.containers.end(record.id, witnesses.exit);
  endHelper(witnesses.state);
  removeGroup(witnesses.state);
  return { ...verdict, record };
}

function readWitnesses(engine: Engine, record: ContainerRecord): Parameters<typeof judge>[0] {
  const { layout } = engine.store;
  const runtimeDir = layout.runtime(record.id);
  // The lock first: a keeper writes its exit record before it lets go.
  const locked = isLocked(`${runtimeDir}/lock`);
  const state = readKeeperState(runtimeDir);
  const alive = !locked && state !== null && isAlive(state);
  const exit = readJson<ExitRecord>(`${layout.container(record.id)}/exit.json`);
  return { generation: record.generation, locked, state, alive, exit };
}

/** What the keeper says about its container; `null`: there is none, or there was another boot's. */
export function readKeeperState(runtimeDir: string): KeeperState | null {
  return readJson<KeeperState>(`${runtimeDir}/state.json`);
}

function isAlive(state: KeeperState): boolean {
  return state.bootId === readBootId() && isSameProcess(state.pid, state.startTime);
}

/** A network helper outlives a keeper that was killed, and then its container. */
function endHelper(state: KeeperState | null): void {
  if (state === null || state.helper === null || state.bootId !== readBootId()) return;
  const { pid, startTime } = state.helper;
  if (isSameProcess(pid, startTime)) process.kill(pid, "SIGTERM");
}

/** So does its group, empty now. */
function removeGroup(state: KeeperState | null): void {
  if (state === null || state.cgroup === null) return;
  try {
    rmdirSync(state.cgroup);
  } catch {
    // Gone already, or a new keeper has just taken it over.
  }
}

/** A JSON file of ours; missing or half a file (an older crash) is as good as none. */
function readJson<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return null;
  }
}
