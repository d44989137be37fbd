// What is measured. Every round runs all engines one after the other, so that a slow minute of the machine hits them alike.

import { withFreshDisk } from "./disk.ts";
import type { Engine } from "./engine.ts";
import { engineMemory } from "./memory.ts";
import { median, type Row } from "./table.ts";

export interface Bench {
  engines: Engine[];
  /** References in a loopback registry: a small image that every engine has, and a large one to pull. */
  small: string;
  large: string;
  rounds: number;
}

export interface Measurement {
  name: string;
  run(bench: Bench): Promise<Row[]>;
}

const KILOBYTES_PER_MEGABYTE = 1024;
const PULL_ROUNDS = 3;
const BURST = 50;
const SETTLE_MS = 1_000;
const MANY_SLEEPERS = 20;

type Words = (engine: Engine, bench: Bench) => string[];

/** One command. */
function timed(what: string, words: Words, limits: Pick<Row, "budget" | "factor"> = {}): Measurement {
  return {
    name: what,
    run: async (bench) => {
      const values = await medianTimes(bench.engines, bench.rounds, (engine) => words(engine, bench));
      return [{ what, unit: "ms", values, ...limits }];
    },
  };
}

/** The median of some rounds of one command, milliseconds by engine. */
export async function medianTimes<T extends Engine>(
  engines: T[],
  rounds: number,
  words: (engine: T) => string[],
): Promise<Row["values"]> {
  const laps = new Map(engines.map((engine) => [engine, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [engine, times] of laps) {
      const { ms } = await engine.watch.time([...engine.words, ...words(engine)]);
      // The first round warms caches.
      if (round > 0) times.push(ms);
    }
  }
  return Object.fromEntries([...laps].map(([engine, times]) => [engine.name, median(times)]));
}

function run(network: string | null): Words {
  return (_engine, { small }) => ["run", "--rm", ...(network === null ? [] : ["--network", network]), small, "true"];
}

/** `ps` with more and more created containers; leaves none. */
const listing: Measurement = {
  name: "ps",
  run: async (bench) => {
    const rows: Row[] = [];
    let there = 0;
    for (const wanted of [0, 100, 500]) {
      for (const engine of bench.engines) await create(engine, bench.small, { from: there, to: wanted });
      there = wanted;
      rows.push(...(await timed(`ps -a, ${wanted} containers`, () => ["ps", "-a"]).run(bench)));
    }
    for (const engine of bench.engines) {
      const names = Array.from({ length: there }, (_, index) => `ps-${index}`);
      await engine.watch.time([...engine.words, "rm", ...names]);
    }
    return rows;
  },
};

async function create(engine: Engine, image: string, { from, to }: { from: number; to: number }): Promise<void> {
  for (let index = from; index < to; index += 1) {
    await engine.watch.time([...engine.words, "create", "--name", `ps-${index}`, "--network", "none", image, "true"]);
  }
}

const pull: Measurement = {
  name: "pull",
  run: async (bench) => {
    const times = new Map(bench.engines.map((engine) => [engine, [] as number[]]));
    for (let round = 0; round < PULL_ROUNDS; round += 1) {
      for (const [engine, laps] of times) {
        const words = (directory: string) => [
          ...engine.words,
          ...engine.elsewhere(directory),
          "pull",
          "-q",
          "--tls-verify=false",
        ];
        const { ms } = await withFreshDisk(engine.env, (directory) =>
          engine.watch.time([...words(directory), bench.large]),
        );
        laps.push(ms);
      }
    }
    const values = Object.fromEntries([...times].map(([engine, laps]) => [engine.name, median(laps)]));
    return [{ what: "pull of a Debian with servers, cold store", unit: "ms", values, factor: 2 }];
  },
};

const memory: Measurement = {
  name: "memory",
  run: async ({ engines, small }) => {
    const counts = [1, MANY_SLEEPERS];
    const rows = counts.map((count): Row => ({
      what: `memory (PSS) of each of ${count} detached`,
      unit: "MB",
      values: {},
      budget: 1,
    }));
    for (const engine of engines) {
      const before = engineMemory(engine.env);
      for (const [index, count] of counts.entries()) {
        for (let sleeper = index === 0 ? 0 : (counts[0] ?? 0); sleeper < count; sleeper += 1) {
          const words = ["run", "-d", "--name", `sleeper-${sleeper}`, "--network", "none", small, "sleep", "10000"];
          await engine.watch.time([...engine.words, ...words]);
        }
        await Bun.sleep(SETTLE_MS);
        const row = rows[index];
        if (row !== undefined)
          row.values[engine.name] = (engineMemory(engine.env) - before) / count / KILOBYTES_PER_MEGABYTE;
      }
      const names = Array.from({ length: MANY_SLEEPERS }, (_, sleeper) => `sleeper-${sleeper}`);
      await engine.watch.time([...engine.words, "rm", "-f", ...names]);
    }
    return rows;
  },
};

/** Many containers, in one shell. */
function burst(what: string, script: string): Measurement {
  return {
    name: what,
    run: async ({ engines, small }) => {
      const values: Row["values"] = {};
      for (const engine of engines) {
        const command = [...engine.words, "run", "--rm", "--network", "none", small, "true"];
        values[engine.name] = (await engine.watch.time(["sh", "-c", script, "sh", ...command])).ms;
      }
      return [{ what, unit: "ms", values }];
    },
  };
}

const exec: Measurement = {
  name: "exec true",
  run: async (bench) => {
    for (const { watch, words } of bench.engines) {
      await watch.time([...words, "run", "-d", "--name", "exec", "--network", "none", bench.small, "sleep", "10000"]);
    }
    const rows = await timed("exec true", () => ["exec", "exec", "true"], { budget: 12 }).run(bench);
    for (const { watch, words } of bench.engines) await watch.time([...words, "rm", "-f", "exec"]);
    return rows;
  },
};

export const MEASUREMENTS: Measurement[] = [
  timed("--version", () => ["--version"], { budget: 8 }),
  timed("run --rm true, network none", run("none"), { budget: 20, factor: 6 }),
  timed("run --rm true, network host", run("host")),
  timed("run --rm true, default network", run(null)),
  exec,
  timed("images", () => ["images"]),
  listing,
  pull,
  memory,
  burst(`${BURST} run --rm, one after another`, `i=0; while [ $i -lt ${BURST} ]; do "$@" || exit 1; i=$((i+1)); done`),
  burst(
    `${BURST} run --rm at once`,
    `i=0; while [ $i -lt ${BURST} ]; do "$@" & p="$p $!"; i=$((i+1)); done; for q in $p; do wait $q || exit 1; done`,
  ),
];
