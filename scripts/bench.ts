// The benchmark: bunker beside podman on this machine, with the same images, in alternating runs. Prints a table and writes it
// to dist/bench.md. Never a test: it fails only when a command fails.
//
//   --sid          also today's podman, from a Debian sid root
//   --rounds N     timed runs of each short command (default 15)
//   --only WORD    measurements whose name has this in it

import { statSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { pushImage } from "../test/support/image-cache.ts";
import { RealRegistry } from "../test/support/real-registry.ts";
import { type Engine, startBunker, startPodman, stopEngine } from "./bench/engine.ts";
import { type Bench, MEASUREMENTS } from "./bench/measurements.ts";
import { renderTable, type Row } from "./bench/table.ts";

const REPORT = "dist/bench.md";
const PROGRAM = "dist/bunker";
const MIB = 1 << 20;

const { values } = parseArgs({
  options: {
    sid: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
    only: { type: "string", default: "" },
  },
});

const registry = await RealRegistry.start();
const engines: Engine[] = [];
try {
  const small = await pushImage("busybox", { host: registry.host });
  const large = await pushImage("services", { host: registry.host });
  engines.push(await startBunker(), await startPodman(false));
  if (values.sid) engines.push(await startPodman(true));
  for (const { watch, words } of engines) await watch.time([...words, "pull", "-q", "--tls-verify=false", small]);
  const rows = await measure({ engines, small, large, rounds: Number(values.rounds) });
  report(rows);
} finally {
  for (const engine of engines) await stopEngine(engine);
  await registry.stop();
}

/** A measurement that fails says so in the table; the others go on. */
async function measure(bench: Bench): Promise<Row[]> {
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
  return rows;
}

function report(rows: Row[]): void {
  const size = (statSync(PROGRAM).size / MIB).toFixed(1);
  const { stdout } = Bun.spawnSync(["uname", "-sr"]);
  const table = renderTable(
    rows,
    engines.map(({ name }) => name),
  );
  const text = [
    "# Benchmark",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${stdout.toString().trim()}, ${navigator.hardwareConcurrency} processors; \`dist/bunker\` has ${size} MiB.`,
    `Medians of ${values.rounds} alternating runs as an ordinary user; "×": how many times more the other takes.`,
    "",
    table,
    "",
  ].join("\n");
  writeFileSync(REPORT, text);
  console.log(`\n${table}\n\nbench: written to ${REPORT}`);
}
