// Kill -9 at system calls of each command and of all it starts: after each the store is valid, the next ordinary command works,
// and nothing is left behind.

import { afterAll, beforeAll, describe, expect } from "bun:test";

import { isLong } from "../../support/guards.ts";
import { killSweep } from "../../support/kill-sweep.ts";
import { it, Source } from "./fixture.ts";
import { pushTiny, SWEEPS } from "./sweeps.ts";

const POINTS = isLong() ? Number.MAX_SAFE_INTEGER : 24;
const TIMEOUT_MS = isLong() ? 3_600_000 : 240_000;

let source: Source;
let tiny: string;
beforeAll(async () => {
  source = await Source.start();
  tiny = await pushTiny(source);
});
afterAll(() => source.stop());

describe("kill -9 at any system call", () => {
  for (const [name, sweepOf] of Object.entries(SWEEPS)) {
    it.concurrent(
      `of ${name}`,
      async () => {
        await using env = await source.env();
        const { hit } = await killSweep(env, { name, points: POINTS, ...sweepOf({ env, image: source.image, tiny }) });
        expect(hit).toBeGreaterThan(20);
      },
      TIMEOUT_MS,
    );
  }
});
