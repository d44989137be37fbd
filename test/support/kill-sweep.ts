// Kill -9 everywhere: runs a command once to see which system calls it and all it starts make, then again and again, killed at
// one of them each time. After each kill the invariants must hold and the very next ordinary command must succeed.
//
//   await killSweep(env, {
//     name: "rm",
//     prepare: async () => ["rm", await env.ok(["create", image, "true"])],   // before each run: the command's words
//     recover: async ([, id = ""]) => { await env.run(["rm", id]); await env.ok(["ps", "-a"]); },
//   });
//
// Points are drawn by a seed that changes daily and is printed; BUNKER_TEST_SEED=N repeats a run. strace runs as root, since a
// traced ordinary process could not run the setuid newuidmap.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { CommandResult } from "./command.ts";
import type { RunOptions, TestEnv } from "./environment.ts";
import { Invariants } from "./invariants.ts";
import { choosePoints, countCalls, countStartup, endOfFirst, INTERESTING, type KillPoint } from "./kill-points.ts";
import { until } from "./private-host.ts";
import { testSeed } from "./random.ts";

const POINTS = 40;
/** Traced, on a busy machine. What takes longer hangs. */
const RUN_TIMEOUT_MS = 120_000;
const LETTING_GO_MS = 5000;

export interface Sweep {
  name: string;
  /** Makes what the command needs and gives its words. */
  prepare: () => Promise<string[]>;
  /** The next ordinary commands, which must work; default: the same command again. */
  recover?: (args: string[], killed: CommandResult) => Promise<void>;
  points?: number;
  /** It may leave something in the store though it failed. */
  failedChanges?: boolean;
  /** What it makes runs on after it: leaks are looked for only after `recover`. */
  leavesRunning?: boolean;
  /** Instead of killing: let the call fail with this error, as strace names it. The command may then fail, but cleanly. */
  error?: string;
  options?: RunOptions;
}

export interface SweepReport {
  seed: number;
  /** Points at which something was killed, of those tried: near the end of a command runs differ. */
  hit: number;
  tried: number;
}

/**
 * An exit cannot fail: told that it did, a process would hang. Nor can the kernel's removal of an empty cgroup, after which nobody
 * would look. A lock that fails makes SQLite try again for ten seconds. Bun waits for ever for a thread of its own that it could
 * not have.
 */
const NOT_FAILED = ["exit_group", "rmdir", "fcntl", "clone3"];
const REMOVING = /^(?:unlink|unlinkat|umount2|rename|renameat|renameat2)$/;

/** @throws at the first point after which something is wrong, naming point and seed */
export async function killSweep(env: TestEnv, sweep: Sweep): Promise<SweepReport> {
  const seed = testSeed();
  const watch = await Invariants.watch(env);
  const args = await sweep.prepare();
  const { log, result } = await traced(env, sweep, args);
  await sweep.recover?.(args, result);
  await watch.check();
  // An error in the loader's or the runtime's own calls is theirs to answer.
  const startup = sweep.error === undefined ? new Map<string, number>() : countStartup(log, env.dataHome);
  const calls = countCalls(log);
  if (sweep.error !== undefined) for (const name of NOT_FAILED) calls.delete(name);
  const points = choosePoints(calls, sweep.points ?? POINTS, seed, startup);
  const report = { seed, hit: 0, tried: 0 };
  for (const point of points) {
    report.tried += 1;
    try {
      if (await tryPoint({ env, sweep, watch }, point)) report.hit += 1;
    } catch (error) {
      const { syscall, nth } = point;
      throw new Error(`${sweep.name}, killed at ${syscall} number ${nth} (BUNKER_TEST_SEED=${seed})`, { cause: error });
    }
  }
  console.log(`kill sweep of ${sweep.name}: ${report.hit} of ${report.tried} points hit, BUNKER_TEST_SEED=${seed}`);
  return report;
}

async function tryPoint(
  { env, sweep, watch }: { env: TestEnv; sweep: Sweep; watch: Invariants },
  point: KillPoint,
): Promise<boolean> {
  const args = await sweep.prepare();
  const before = await Invariants.watch(env);
  const { result, log, cutOff } = await traced(env, sweep, args, point);
  const hit = log.includes("(INJECTED)") || log.includes("+++ killed by SIGKILL +++");
  const outputs = [result.stdout, result.stderr];
  // What it had started may live on, until the next command looks.
  if (sweep.error === undefined) await watch.check({ outputs, afterKill: hit || cutOff, running: true });
  else {
    // What could not be said cannot be clear.
    if (!MUTED.test(log)) ensureClear(result);
    // An answer that could not be written is not an operation that failed.
    const failed = result.code !== 0 && !result.stderr.includes("standard output");
    const unchanged = failed && !(sweep.failedChanges ?? false);
    // What cannot be removed is the next command's to remove.
    const running = (sweep.leavesRunning ?? false) || REMOVING.test(point.syscall);
    await before.check({ outputs, unchanged, afterKill: hit || cutOff, running });
  }
  if (sweep.recover === undefined) await env.ok(args, sweep.options);
  else await sweep.recover(args, result);
  await watch.check();
  return hit;
}

/** The very words of a failure were what failed to be written. */
const MUTED = /\bwrite\(2, .*\(INJECTED\)$/m;

/** The exit code by which a container says that it was one of its own calls that failed. */
export const CONTAINERS_OWN = 99;

/** I5: a command that failed says so in a line and a hint, and never as a bug of its own. */
function ensureClear({ code, signal, stderr }: CommandResult): void {
  if (signal !== null) throw new Error(`ended by ${signal}\n${stderr}`);
  if (code === 0 || code === CONTAINERS_OWN) return;
  // A layer that an earlier point has cost is brought again on the way.
  const lines = stderr
    .trimEnd()
    .split("\n")
    .filter((line) => !PROGRESS.test(line));
  const clear = lines.some((line) => /^bunker: \S/.test(line)) && lines.length <= LONGEST_COMPLAINT;
  if (!clear || UNCLEAR.test(stderr)) throw new Error(`exit code ${code}, and not a clear error:\n${stderr}`);
}

const PROGRESS = /^[0-9a-f]{12}: /;
/** The line, its hint, and a warning. */
const LONGEST_COMPLAINT = 4;
const UNCLEAR = /\bundefined\b|\bNaN\b|\[object |^\s+at \S|[Bb]ug in bunker|panicked/m;

interface Traced {
  result: CommandResult;
  /** strace's. */
  log: string;
  /** What was still at work ended with strace. */
  cutOff: boolean;
}

/**
 * Runs the command under strace, which ends when everything that the command started has ended; where something is to run on, it
 * lets go of that when the command itself has ended.
 */
async function traced(env: TestEnv, sweep: Sweep, args: string[], point: KillPoint | null = null): Promise<Traced> {
  const path = join(env.host.base, "strace.log");
  rmSync(path, { force: true });
  const what = sweep.error === undefined ? "signal=KILL" : `error=${sweep.error}`;
  const inject = point === null ? [] : [`--inject=${point.syscall}:${what}:when=${point.nth}`];
  // An unknown call (other architectures lack some) is no error: "?".
  const trace = `--trace=${INTERESTING.map((name) => `?${name}`).join(",")}`;
  const launcher = [
    "strace",
    "--follow-forks",
    "--quiet=attach,personality",
    "--interruptible=waiting",
    "--user",
    env.user.name,
    `--output=${path}`,
    trace,
    ...inject,
  ];
  const readLog = () => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const running = env.start(args, { timeoutMs: RUN_TIMEOUT_MS, ...sweep.options, launcher });
  if (!(sweep.leavesRunning ?? false)) return { result: await running.result(), log: readLog(), cutOff: false };
  await until(() => running.ended || endOfFirst(readLog()) !== null, RUN_TIMEOUT_MS);
  running.kill("SIGTERM");
  // A thread that was stopped while its process ended may be lost to strace, which waits for it for ever.
  const cutOff = !(await until(() => running.ended, LETTING_GO_MS));
  if (cutOff) running.kill("SIGKILL");
  const result = await running.result();
  const log = readLog();
  return { result: { ...result, ...endOfFirst(log) }, log, cutOff };
}
