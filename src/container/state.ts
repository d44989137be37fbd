// What a container is doing, from the three witnesses: its lock, its state file, its exit record. Pure.

/** `c/<id>/state.json`, written by the keeper as soon as there is a process; `running`: before the process is let go. */
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
  /** The program that shows its root; older keepers know of none. */
  rootHelper?: { pid: number; startTime: number } | null;
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
  /** `null`: nobody saw it. */
  finishedAt: string | null;
  error: string | null;
}

export type ContainerStatus = "created" | "running" | "exited";

/** What can be seen of a container from outside. */
export interface Witnesses {
  /** Starts so far. */
  generation: number;
  /** Whether the latest start is known to have succeeded. */
  started: boolean;
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
/** docker's zero time: it ran, but who knew when it began is gone as well. */
const UNKNOWN_TIME = "0001-01-01T00:00:00Z";

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

/**
 * Exit record of this start → ended; lock held → running; process alive → running without a keeper; else it ended unseen, or
 * the start came to nothing and it is what it was before.
 */
export function judge(witnesses: Witnesses): Verdict {
  const { generation, locked, state, alive, exit } = witnesses;
  if (exit !== null && exit.generation === generation) return ended(exit);
  const current = state !== null && state.generation === generation ? state : null;
  if (locked || (current !== null && alive)) {
    if (current === null || current.phase === "created")
      return { ...NOTHING, orphaned: !locked, pid: current?.pid ?? 0 };
    return { ...NOTHING, status: "running", orphaned: !locked, pid: current.pid, startedAt: current.startedAt };
  }
  if (hasRun(witnesses)) return ended(unseenEnd(witnesses));
  return exit === null ? NOTHING : ended(exit);
}

/** Whether the latest start came as far as the container's own process. */
export function hasRun({ generation, started, state }: Witnesses): boolean {
  return started || (state !== null && state.generation === generation && state.phase === "running");
}

/** The record of an end that nobody saw. */
export function unseenEnd({ generation, state }: Witnesses): ExitRecord {
  return {
    version: 1,
    generation,
    code: EXIT_UNKNOWN,
    signal: null,
    oomKilled: false,
    startedAt: (state?.generation === generation ? state.startedAt : null) ?? UNKNOWN_TIME,
    finishedAt: null,
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
