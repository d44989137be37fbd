// System calls that fail where they never do: the command says what went wrong in its own words or goes on without, a failed one
// leaves the store as it was, and the next one works.

import { afterAll, beforeAll, describe, expect } from "bun:test";

import { isLong } from "../../support/guards.ts";
import { killSweep } from "../../support/kill-sweep.ts";
import { Random, testSeed } from "../../support/random.ts";
import { it, Source } from "./fixture.ts";
import { pushTiny, SWEEPS } from "./sweeps.ts";

const ERRORS = ["ENOSPC", "EIO", "EMFILE", "ENOMEM", "EINTR"];
/** What runs a container has most of the calls; in long mode, of everything else a sample. */
const points = (name: string): number => (isLong() ? (name.startsWith("run") ? 100 : 25) : 5);
const TIMEOUT_MS = isLong() ? 3_600_000 : 240_000;
/** Those whose failure leaves a container behind, as docker's does, with the reason in it, or that have done the half of their work. */
const CHANGE_ALL_THE_SAME = new Set([
  "run -d",
  "kill",
  "run, attached",
  "run with a new volume",
  "start",
  "start -a",
  "stop",
  "system prune",
  "volume prune",
  "system reset",
]);

let source: Source;
let tiny: string;
beforeAll(async () => {
  source = await Source.start();
  tiny = await pushTiny(source);
});
afterAll(() => source.stop());

const random = new Random(testSeed());

/** Where fuse-overlayfs cannot write its answer, whoever asked the kernel waits for ever: no error of ours. */
const PROGRAMS_OWN = "run -d where a program shows the root";

describe("an error of any system call", () => {
  for (const [name, sweepOf] of Object.entries(SWEEPS)) {
    if (name === PROGRAMS_OWN) continue;
    // All of them in long mode, else the one whose turn it is.
    for (const error of isLong() ? ERRORS : [ERRORS[random.below(ERRORS.length)] ?? ""]) {
      it.concurrent(
        `of ${name}: ${error}`,
        async () => {
          await using env = await source.env();
          const sweep = sweepOf({ env, image: source.image, tiny });
          const failedChanges = CHANGE_ALL_THE_SAME.has(name);
          const { hit } = await killSweep(env, { name, points: points(name), error, failedChanges, ...sweep });
          expect(hit).toBeGreaterThan(0);
        },
        TIMEOUT_MS,
      );
    }
  }
});
