// Kill -9 at system calls of each command and of all it starts: after each the store is valid, the next ordinary command works,
// and nothing is left behind.

import { afterAll, beforeAll, describe, expect } from "bun:test";

import { isLong } from "../../support/guards.ts";
import { killSweep } from "../../support/kill-sweep.ts";
import { it, Source } from "./fixture.ts";
import { pushTiny, SWEEPS } from "./sweeps.ts";

/** Over all commands, each day others; in long mode every one there is. */
const DRAWN = 240;
const POINTS = isLong() ? Number.MAX_SAFE_INTEGER : Math.ceil(DRAWN / Object.keys(SWEEPS).length);
/** Near a command's end no two runs are the same, and a point may not come. */
const MOST_MISSED = 2;
/** Points that even the shortest command has. */
const FEWEST = 20;
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
        const sweep = sweepOf({ env, image: source.image, tiny });
        const { hit, tried } = await killSweep(env, { name, points: POINTS, ...sweep });
        expect(tried).toBeGreaterThanOrEqual(Math.min(POINTS, FEWEST));
        expect(hit).toBeGreaterThan(tried / MOST_MISSED);
      },
      TIMEOUT_MS,
    );
  }
});
