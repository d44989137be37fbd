// The benchmark: bunker beside podman on this machine, with the same images, in alternating runs. Prints tables and writes them
// to dist/bench.md. Never a test: it fails only when a command fails.
//
//   commands, network   what to measure; both unless one is named
//
//   --sid          also today's podman, from a Debian sid root; networks are always compared with it too
//   --rounds N     timed runs of each short command (default 15)
//   --only WORD    of the commands, measurements whose name has this in it

import { statSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { pushImage } from "../test/support/image-cache.ts";
import { RealRegistry } from "../test/support/real-registry.ts";
import { type Engine, startBunker, startPodman, stopEngine } from "./bench/engine.ts";
import { type Bench, MEASUREMENTS } from "./bench/measurements.ts";
import { measureNetworks } from "./bench/network.ts";
import { renderTable, type Row } from "./bench/table.ts";

const REPORT = "dist/bench.md";
const PROGRAM = "dist/bunker";
const MIB = 1 << 20;
const PARTS = ["commands", "network"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sid: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
    only: { type: "string", default: "" },
  },
});
const unknown = positionals.find((word) => !PARTS.includes(word));
if (unknown !== undefined) throw new Error(`unknown part "${unknown}": ${PARTS.join(", ")}`);
const parts = positionals.length === 0 ? PARTS : positionals;

const registry = await RealRegistry.start();
const engines: Engine[] = [];
let closing: Promise<void> | undefined;
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
  process.once(signal, () => void close().finally(() => process.exit(code)));
}
try {
  const small = await pushImage("busybox", { host: registry.host });
  engines.push(await startBunker(), await startPodman(false));
  if (values.sid || parts.includes("network")) engines.push(await startPodman(true));
  for (const { watch, words } of engines) await watch.time([...words, "pull", "-q", "--tls-verify=false", small]);
  const rounds = Number(values.rounds);
  const tables: string[] = [];
  if (parts.includes("commands")) {
    const large = await pushImage("services", { host: registry.host });
    tables.push(await measureCommands({ engines, small, large, rounds }));
  }
  if (parts.includes("network")) tables.push(await measureNetworks({ engines, image: small, rounds }));
  report(tables);
} finally {
  await close();
}

function close(): Promise<void> {
  closing ??= (async () => {
    for (const engine of engines) await stopEngine(engine);
    await registry.stop();
  })();
  return closing;
}

/** A measurement that fails says so in the table; the others go on. */
async function measureCommands(bench: Bench): Promise<string> {
  const rows: Row[] = [];
  for (const measurement of MEASUREMENTS.filter(({ name }) => name.includes(values.only))) {
    console.log(`bench: ${measurement.name}`);
    try {
      rows.push(...(await measurement.run(bench)));
    } catch (error) {
      console.error(String(error));
      rows.push({ what: measurement.name, unit: "", values: { [bench.engines[0]?.name ?? ""]: "failed" } });
    }
  }
  const names = engines.map(({ name }) => name);
  return `Medians of ${bench.rounds} runs; "×": how many times more the other takes.\n\n${renderTable(rows, names)}`;
}

function report(tables: string[]): void {
  const size = (statSync(PROGRAM).size / MIB).toFixed(1);
  const { stdout } = Bun.spawnSync(["uname", "-sr"]);
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${day}, ${stdout.toString().trim()}, ${navigator.hardwareConcurrency} processors`;
  const program = `\`${PROGRAM}\` has ${size} MiB. Everything ran as an ordinary user, the engines in turn.`;
  const text = ["# Benchmark", `${machine}; ${program}`, ...tables].join("\n\n");
  writeFileSync(REPORT, `${text}\n`);
  console.log(`\n${tables.join("\n\n")}\n\nbench: written to ${REPORT}`);
}
