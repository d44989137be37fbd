// Runs check, build, cargo's and Bun's tests, and sums up what they say. Each step goes on after a failed one, so that one
// run tells everything; a step that fails without a failed test counts as one.

import { readFileSync, rmSync } from "node:fs";

import { failuresOfReport, type Tally, tallyOfCargo, tallyOfReport } from "./test/tally.ts";

const REPORT = "dist/test/report.xml";
/** Pulls, runs and kills take their time on two busy cores; what hangs is stopped all the same. */
const TEST_TIMEOUT_MS = 120_000;

/** Whatever hangs in spite of that: each step ends. In long mode the whole takes most of a night on two cores. */
const STEP_TIMEOUT_MS = (process.env["BUNKER_TEST_LONG"] === "1" ? 8 : 1) * 3_600_000;

interface Step {
  name: string;
  command: string[];
  /** Reads the step's tests out of its output; steps without tests count only when they fail. */
  tally?: (output: string) => Tally;
}

/** What failed; told at the end, where it is seen even when only the end of the output was kept. */
const failures: string[] = [];

const STEPS: Step[] = [
  { name: "check", command: ["sh", "scripts/check.sh"] },
  { name: "build", command: [process.execPath, "scripts/build.ts", "--probe"] },
  {
    name: "Rust tests",
    command: ["cargo", "test", "--locked", "--manifest-path", "crates/Cargo.toml", "--workspace", "--no-fail-fast"],
    tally: tallyOfCargo,
  },
  {
    name: "TypeScript tests",
    command: [
      process.execPath,
      "test",
      `--timeout=${TEST_TIMEOUT_MS}`,
      "--reporter=junit",
      `--reporter-outfile=${REPORT}`,
    ],
    tally: () => {
      const report = readFileSync(REPORT, "utf8");
      failures.push(...failuresOfReport(report));
      return tallyOfReport(report);
    },
  },
];

const total: Tally = { passed: 0, failed: 0, skipped: 0 };
for (const step of STEPS) {
  console.log(`\n== ${step.name}`);
  const { passed, failed, skipped } = await run(step);
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  if (failed > 0) failures.push(step.name);
}
if (failures.length > 0) console.log(`\ntest: failed:\n  ${failures.join("\n  ")}`);
if (process.env["BUNKER_TEST_MUST_RUN"] === "1" && total.skipped > 0) {
  console.log(`\nskipped tests count as failed here (BUNKER_TEST_MUST_RUN=1): ${total.skipped}`);
  total.failed += total.skipped;
  total.skipped = 0;
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

async function run({ name, command, tally }: Step): Promise<Tally> {
  rmSync(REPORT, { force: true });
  const child = Bun.spawn(command, {
    stdin: "ignore",
    stdout: tally === undefined ? "inherit" : "pipe",
    stderr: "inherit",
    timeout: STEP_TIMEOUT_MS,
    killSignal: "SIGTERM",
  });
  const output = child.stdout === undefined ? "" : await echo(child.stdout);
  const well = (await child.exited) === 0;
  if (child.signalCode === "SIGTERM") failures.push(`${name}: ended after ${STEP_TIMEOUT_MS / 3_600_000} hours`);
  const counted = countedOrNothing(output, tally);
  if (!well && counted.failed === 0) {
    console.log(`test: ${name} failed`);
    counted.failed = 1;
  }
  return counted;
}

function countedOrNothing(output: string, tally: Step["tally"]): Tally {
  try {
    if (tally !== undefined) return tally(output);
  } catch (error) {
    console.log(`test: no report: ${String(error)}`);
  }
  return { passed: 0, failed: 0, skipped: 0 };
}

/** Shows the output as it comes and keeps it. */
async function echo(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    await Bun.write(Bun.stdout, chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}
