// What a container is said to be doing, from what can be seen of it.

import { describe, expect, test } from "bun:test";
import { type ExitRecord, judge, type KeeperState, type Witnesses } from "../../../src/container/index.ts";

const EXIT: ExitRecord = {
  version: 1,
  generation: 2,
  code: 3,
  signal: null,
  oomKilled: false,
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:01:00Z",
  error: null,
};

const STATE: KeeperState = {
  version: 1,
  pid: 7,
  startTime: 100,
  bootId: "boot",
  startedAt: "2026-01-01T00:00:00Z",
  generation: 2,
  phase: "running",
  keeperPid: 6,
  helper: null,
  cgroup: null,
};

/** The second start, of which nothing is to be seen. */
const NOTHING: Witnesses = { generation: 2, started: false, locked: false, state: null, alive: false, exit: null };

const CASES: [string, Partial<Witnesses>, Partial<ReturnType<typeof judge>>][] = [
  ["never started", { generation: 0 }, { status: "created", exitCode: 0 }],
  ["being made: only its lock is there", { locked: true }, { status: "created", orphaned: false }],
  ["made, not let go yet", { locked: true, state: { ...STATE, phase: "created" } }, { status: "created" }],
  ["runs", { locked: true, state: STATE }, { status: "running", orphaned: false, pid: 7 }],
  ["runs without a keeper", { state: STATE, alive: true }, { status: "running", orphaned: true, pid: 7 }],
  ["has ended, its keeper tidies", { locked: true, state: STATE, exit: EXIT }, { status: "exited", exitCode: 3 }],
  ["has ended", { exit: EXIT }, { status: "exited", exitCode: 3, finishedAt: EXIT.finishedAt }],
  ["ended unseen", { state: STATE }, { status: "exited", exitCode: 255, startedAt: STATE.startedAt, finishedAt: null }],
  ["ran, and all traces are gone", { started: true }, { status: "exited", exitCode: 255, finishedAt: null }],
  ["never came as far as its process", { state: { ...STATE, phase: "created" } }, { status: "created", exitCode: 0 }],
  ["nothing came of the second start", { exit: { ...EXIT, generation: 1 } }, { status: "exited", exitCode: 3 }],
  [
    "the second start ended unseen, the first is another matter",
    { started: true, exit: { ...EXIT, generation: 1 } },
    { status: "exited", exitCode: 255 },
  ],
  ["an earlier start's state says nothing", { state: { ...STATE, generation: 1 }, alive: true }, { status: "created" }],
  [
    "failed to start",
    { exit: { ...EXIT, startedAt: null, code: 127, error: "not found" } },
    { status: "created", exitCode: 127, error: "not found" },
  ],
];

describe("a container", () => {
  test.each(CASES)("that %s", (_what, seen, said) => {
    expect(judge({ ...NOTHING, ...seen })).toMatchObject(said);
  });
});
