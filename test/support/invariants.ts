// The invariants that hold after anything at all: I1 no escape, I2 failed means unchanged, I3 the store is valid, I4 nothing
// is left behind. Reads database, disk and /proc itself, never through the engine.
//
//   const watch = await Invariants.watch(env);
//   const failed = await env.run(["pull", reference]);
//   await watch.check({ outputs: [failed.stdout, failed.stderr], unchanged: true });
//
// `check` first waits until no worker is left, then throws one error that names every problem.

import { Canary } from "./canary.ts";
import type { TestEnv } from "./environment.ts";
import { commandLine, type HostState, processesOf, readHostState } from "./host-state.ts";
import { until } from "./private-host.ts";
import { checkStore } from "./store-check.ts";
import { compareDumps, compareLists, dumpStore, type StoreDump } from "./store-dump.ts";

/** Emptying the trash of a large image on a busy machine. */
const WORKER_TIMEOUT_MS = 60_000;
/** A keeper tidies up after its container was answered for. */
const SETTLE_TIMEOUT_MS = 15_000;
const SETTLE_POLL_MS = 20;

export interface CheckOptions {
  /** Everything the engine or a container printed: the canary's secret must not be in it. */
  outputs?: string[];
  /** I2: the store must be as it was. */
  unchanged?: boolean;
  /** Something was killed and no command has run since: staging and trash may hold its remains. */
  afterKill?: boolean;
  /** Containers are meant to be running: I4 is not looked at. */
  running?: boolean;
  /** How long what was left may take to go. */
  settleMs?: number;
}

export class Invariants {
  readonly #env: TestEnv;
  readonly #canary: Canary;
  readonly #host: HostState;
  readonly #store: StoreDump;

  private constructor(env: TestEnv, canary: Canary) {
    this.#env = env;
    this.#canary = canary;
    this.#host = readHostState(env);
    this.#store = dumpStore(env.dataHome);
  }

  /** Remembers how things are now. Several watches on one environment are fine. */
  static async watch(env: TestEnv): Promise<Invariants> {
    await waitForWorkers(env);
    const canary = new Canary(`${env.host.base}/canary-${crypto.randomUUID()}`, env.user);
    return new Invariants(env, canary);
  }

  /** The tree an escape would change; hostile archives may aim at it. */
  get canary(): Canary {
    return this.#canary;
  }

  /** @throws naming everything that is wrong */
  async check(options: CheckOptions = {}): Promise<void> {
    const {
      outputs = [],
      unchanged = false,
      afterKill = false,
      running = false,
      settleMs = SETTLE_TIMEOUT_MS,
    } = options;
    const env = this.#env;
    await waitForWorkers(env);
    const leaks = running ? [] : await this.#leaks(settleMs);
    const problems = [
      ...this.#canary.changes().map((line) => `I1: ${line}`),
      ...this.#canary.leaks(outputs, env.dataHome).map((line) => `I1: ${line}`),
      ...(unchanged ? compareDumps(this.#store, dumpStore(env.dataHome)).map((line) => `I2: ${line}`) : []),
      ...(await checkStore({ dataHome: env.dataHome, uid: env.user.uid, afterKill })).map((line) => `I3: ${line}`),
      ...leaks.map((line) => `I4: ${line}`),
    ];
    if (problems.length > 0) throw new Error(`invariants broken:\n${problems.join("\n")}`);
  }

  /** Looks again until nothing is left over or time is up. */
  async #leaks(settleMs: number): Promise<string[]> {
    let leaks: string[] = [];
    await until(
      () => {
        leaks = newIn(this.#host, readHostState(this.#env));
        return leaks.length === 0;
      },
      settleMs,
      SETTLE_POLL_MS,
    );
    return leaks;
  }
}

/** What is there and was not. What went away in the meantime is no leak. */
function newIn(before: HostState, after: HostState): string[] {
  const kinds = Object.keys(after) as (keyof HostState)[];
  return kinds.flatMap((kind) =>
    compareLists(before[kind], after[kind], kind).filter((line) => line.startsWith("new ")),
  );
}

/** Workers are keepers in worker mode: argv is ["keeper", "worker"]. */
async function waitForWorkers(env: TestEnv): Promise<void> {
  const working = () =>
    processesOf(env)
      .map(commandLine)
      .some(([name, mode]) => name === "keeper" && mode === "worker");
  if (!(await until(() => !working(), WORKER_TIMEOUT_MS))) throw new Error("a worker is still at work after a minute");
}
