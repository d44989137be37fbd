// What a container is doing, from the three witnesses: its lock, its state file, its exit record. Pure.

/** `c/<id>/state.json`, written by the keeper. */
export interface KeeperState {
  version: number;
  pid: number;
  startTime: number;
  bootId: string;
  startedAt: string | null;
  generation: number;
  phase: "created" | "running";
  keeperPid: number;
  /** The program that serves its network. */
  helper: { pid: number; startTime: number } | null;
  /** Its own group, absolute. */
  cgroup: string | null;
}

/** `containers/<id>/exit.json`, written by the keeper. */
export interface ExitRecord {
  version: number;
  generation: number;
  code: number;
  signal: number | null;
  oomKilled: boolean;
  startedAt: string | null;
  finishedAt: string;
  error: string | null;
}

export type ContainerStatus = "created" | "running" | "exited";

/** What can be seen of a container from outside. */
export interface Witnesses {
  /** Starts so far. */
  generation: number;
  locked: boolean;
  state: KeeperState | null;
  /** Whether the process that `state` names is alive (same pid, start time and boot). */
  alive: boolean;
  exit: ExitRecord | null;
}

export interface Verdict {
  status: ContainerStatus;
  /** The keeper died and its container lives on: the next command that needs one starts a new keeper. */
  orphaned: boolean;
  pid: number;
  startedAt: string | null;
  finishedAt: string | null;
  exitCode: number;
  error: string;
  oomKilled: boolean;
}

/** Unknown: the keeper and the process are gone and nobody saw the end. Never invented. */
const EXIT_UNKNOWN = 255;

const NOTHING: Verdict = {
  status: "created",
  orphaned: false,
  pid: 0,
  startedAt: null,
  finishedAt: null,
  exitCode: 0,
  error: "",
  oomKilled: false,
};

/** Lock held → running; exit record of this start → ended; process alive → running without a keeper; else ended unseen. */
export function judge(witnesses: Witnesses): Verdict {
  const { generation, locked, state, alive, exit } = witnesses;
  if (exit !== null && exit.generation === generation) return ended(exit);
  const current = state !== null && state.generation === generation ? state : null;
  if (locked || (current !== null && alive)) {
    if (current === null || current.phase === "created")
      return { ...NOTHING, orphaned: !locked, pid: current?.pid ?? 0 };
    return { ...NOTHING, status: "running", orphaned: !locked, pid: current.pid, startedAt: current.startedAt };
  }
  if (generation === 0) return NOTHING;
  return {
    ...NOTHING,
    status: "exited",
    startedAt: current?.startedAt ?? null,
    exitCode: EXIT_UNKNOWN,
    error: "the container ended while nobody was watching; its exit code is unknown",
  };
}

function ended(exit: ExitRecord): Verdict {
  return {
    ...NOTHING,
    // A start that never reached exec leaves the container as created, with the reason (docker's rule).
    status: exit.startedAt === null ? "created" : "exited",
    startedAt: exit.startedAt,
    finishedAt: exit.finishedAt,
    exitCode: exit.code,
    error: exit.error ?? "",
    oomKilled: exit.oomKilled,
  };
}
