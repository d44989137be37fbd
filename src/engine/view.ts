// Containers as they are now: rows joined with what the kernel and the keeper's files say. A row is brought up to date when its
// container is found ended, and what its creator left half made is undone. Prints nothing.

import { readFileSync } from "node:fs";
import {
  type ExitRecord,
  hasRun,
  judge,
  type KeeperState,
  planGroup,
  unseenEnd,
  type Verdict,
} from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { isLocked, signalProcess } from "../native/index.ts";
import { type ContainerRecord, noSuchContainer } from "../store/index.ts";
import { clearRuntime, withContainerLock } from "./container-lock.ts";
import { discardContainer } from "./discard.ts";
import type { Engine } from "./engine.ts";
import { isFrozen } from "./freezer.ts";
import { removeGroup } from "./group.ts";
import { removeSpareImage } from "./image-removal.ts";
import { isSameProcess, readBootId } from "./host.ts";
import { endUnstarted } from "./unstarted.ts";

type Witnesses = Parameters<typeof judge>[0];

const SIGTERM = 15;

/** A container's row and what it is doing. */
export interface ContainerView extends Verdict {
  record: ContainerRecord;
  /** Its own control group while it runs, absolute. */
  group: string | null;
  /** It runs, and is held. */
  paused: boolean;
}

function toView(witnesses: Witnesses, record: ContainerRecord): ContainerView {
  const verdict = judge(witnesses);
  const group = verdict.status === "running" ? (witnesses.state?.cgroup ?? null) : null;
  return { ...verdict, record, group, paused: isFrozen(group) };
}

/** One container by id, name or beginning of an id. @throws BunkerError not-found in docker's words */
export function viewContainer(engine: Engine, name: string): ContainerView {
  const view = viewRecord(engine, engine.store.containers.resolve(name));
  if (view === null) throw noSuchContainer(name);
  return view;
}

/** `null`: left half made by somebody who died; it is gone now. */
export function viewRecord(engine: Engine, record: ContainerRecord): ContainerView | null {
  if (record.state === "created" || record.state === "ended") return viewResting(record);
  const witnesses = readWitnesses(engine, record);
  if (witnesses.locked || witnesses.alive) return toView(witnesses, record);
  try {
    const settled = withContainerLock(engine, record.id, () => settle(engine, record));
    // Somebody else is settling, starting or removing it.
    return settled === null ? toView({ ...witnesses, locked: true }, record) : settled.result;
  } catch (error) {
    // A disk that is full or read-only: the truth can be told all the same.
    if (error instanceof BunkerError) return toView(witnesses, record);
    throw error;
  }
}

function viewResting(record: ContainerRecord): ContainerView {
  const { generation, exit } = record;
  return toView({ generation, started: false, locked: false, state: null, alive: false, exit }, record);
}

/** Brings the row of a container up to date that seems to be over. Its lock is ours. */
function settle(engine: Engine, { id }: ContainerRecord): ContainerView | null {
  const { containers } = engine.store;
  const record = containers.find(id);
  if (record === null) return null;
  if (record.state === "created" || record.state === "ended") return viewResting(record);
  const witnesses: Witnesses = { ...readWitnesses(engine, record), locked: false };
  witnesses.alive = witnesses.state !== null && isAlive(witnesses.state);
  if (witnesses.alive) return toView(witnesses, record);
  if (record.config.request.runtime !== undefined) endUnstarted(engine.store.layout.container(id));
  endHelper(witnesses.state);
  // A keeper makes it before there is anything to write down.
  const group = witnesses.state?.cgroup ?? planGroup(engine.host(), id);
  if (group !== null) removeGroup(group);
  const { exit } = witnesses;
  const hasEnded = exit !== null && exit.generation === record.generation;
  const came = hasEnded || hasRun(witnesses);
  if (record.config.request.autoRemove || (record.state === "creating" && !came)) {
    discardContainer(engine, id, { volumes: true });
    clearRuntime(engine, id);
    removeSpareImage(engine, record);
    return null;
  }
  if (hasEnded) containers.end(id, exit);
  else if (came) containers.end(id, unseenEnd(witnesses));
  else containers.revertStart(record);
  clearRuntime(engine, id);
  return toView(witnesses, record);
}

function readWitnesses(engine: Engine, record: ContainerRecord): Witnesses {
  const { layout } = engine.store;
  const { id, generation, state: row } = record;
  const runtimeDir = layout.runtime(id);
  // The lock first: a keeper writes its exit record before it lets go.
  const locked = isLocked(`${runtimeDir}/lock`);
  const state = readKeeperState(runtimeDir);
  const alive = !locked && state !== null && isAlive(state);
  const exit = readJson<ExitRecord>(`${layout.container(id)}/exit.json`);
  return { generation, started: row === "started", locked, state, alive, exit };
}

/** What the keeper says about its container; `null`: there is none. */
export function readKeeperState(runtimeDir: string): KeeperState | null {
  return readJson<KeeperState>(`${runtimeDir}/state.json`);
}

/** Whether the process that a keeper wrote down is still there. */
export function isAlive(state: KeeperState): boolean {
  return state.bootId === readBootId() && isSameProcess(state.pid, state.startTime);
}

/** A network helper outlives a keeper that was killed, and then its container. */
function endHelper(state: KeeperState | null): void {
  if (state === null || state.helper === null || state.bootId !== readBootId()) return;
  signalProcess(state.helper, SIGTERM);
}

/** A JSON file of ours; missing or half a file (an older crash) is as good as none. */
function readJson<T>(path: string): T | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null ? (value as T) : null;
  } catch {
    return null;
  }
}
