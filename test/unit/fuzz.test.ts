// Parsers under the fuzzer (support/fuzz.ts): each day a few of them, drawn by the seed; all of them, for long, when asked to.

import { expect, test } from "bun:test";
import { join } from "node:path";

import { isLong } from "../support/guards.ts";
import { runProgram } from "../support/program.ts";
import { Random, testSeed } from "../support/random.ts";

const FUZZER = join(import.meta.dir, "../support/fuzz.ts");
const MILLISECONDS = isLong() ? 60_000 : 2000;
const DRAWN = 3;
const TIMEOUT_MS = MILLISECONDS + 60_000;
/** Where fewer are counted, nothing is. */
const FEWEST_BLOCKS = 50;

function fuzz(...words: string[]): Promise<string> {
  // `timeout`: what hangs is a finding, too.
  return runProgram(["timeout", String(TIMEOUT_MS / 1000), process.execPath, FUZZER, ...words]);
}

const names = JSON.parse(await fuzz("--list")) as string[];
const random = new Random(testSeed());
const drawn = isLong() ? names : Array.from({ length: DRAWN }, () => random.take(names));

test.each(drawn)(
  "%s",
  async (name) => {
    const seed = testSeed();
    const { runs, blocks } = JSON.parse(await fuzz(name, String(MILLISECONDS), String(seed))) as Record<string, number>;
    console.log(`${name}: ${runs} texts, ${blocks} blocks (BUNKER_TEST_SEED=${seed})`);
    expect(runs).toBeGreaterThan(0);
    expect(blocks).toBeGreaterThan(FEWEST_BLOCKS);
  },
  TIMEOUT_MS,
);
