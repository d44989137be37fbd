// A disk that is too small: a pull says so, leaves the store as it was, and what frees space works. The data home is a small file
// system of its own, mounted in the test's host.

import { afterEach, beforeEach, describe, expect } from "bun:test";
import { chownSync, mkdirSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";
import { makeImage, makeLayer } from "../support/image.ts";
import { Invariants } from "../support/invariants.ts";
import { runProgram } from "../support/program.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { checkStore } from "../support/store-check.ts";
import { compareDumps, dumpStore } from "../support/store-dump.ts";
import { file } from "../support/tar.ts";

const it = requires("root", "bunker", "subids", "userns");

const MIB = 1024 * 1024;
const SIZE = 24 * MIB;
const FULL = /^bunker: [^\n]*no space left[^\n]*\nhint: Free some space, or use another data home with --root\.\n$/;

function random(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

const small = makeImage({ layers: [makeLayer([file("small", random(100_000))])] });

let env: TestEnv;
let registry: TestRegistry;
let watch: Invariants;
/** The data home as we see it: it is mounted in there alone. */
let dataHome: string;
beforeEach(async () => {
  registry = startRegistry();
  env = await TestEnv.create();
  mkdirSync(env.dataHome, { recursive: true, mode: 0o700 });
  for (let at = env.dataHome; at !== env.home; at = dirname(at)) chownSync(at, env.user.uid, env.user.gid);
  const options = `size=${SIZE},mode=700,uid=${env.user.uid},gid=${env.user.gid}`;
  await runProgram(env.host.enter(["mount", "-t", "tmpfs", "-o", options, "bunker-test", env.dataHome], "/"));
  dataHome = env.host.view(env.dataHome);
  // What was there before, and must stay.
  await env.ok(["pull", registry.push("team/small", "1", small)]);
  watch = await Invariants.watch(env);
});
afterEach(async () => {
  try {
    // The canary, processes, mounts; the store lies elsewhere than this looks.
    await watch.check();
    expect(await checkStore({ dataHome, uid: env.user.uid, afterKill: false })).toEqual([]);
  } finally {
    await runProgram(env.host.enter(["umount", env.dataHome], "/"));
    await env[Symbol.asyncDispose]();
    registry.stop();
  }
});

async function expectTooFull(reference: string): Promise<void> {
  const before = dumpStore(dataHome);
  const stderr = await env.fails(["pull", reference], 1);
  expect(stderr).toMatch(FULL);
  await watch.check({ outputs: [stderr] });
  expect(compareDumps(before, dumpStore(dataHome))).toEqual([]);
}

describe("a full disk", () => {
  it("while a layer is downloaded", async () => {
    const layers = [
      makeLayer([file("a", random(1 * MIB))]),
      makeLayer([file("b", random(40 * MIB))], { compression: "none" }),
    ];
    await expectTooFull(registry.push("team/large", "1", makeImage({ layers })));
    expect(await env.ok(["images", "-q", "--no-trunc"])).toBe(small.config.digest);
    expect(await env.ok(["rmi", small.config.digest])).toContain(`Deleted: ${small.config.digest}`);
    expect(await env.ok(["images", "-q"])).toBe("");
  });

  it("while a layer is unpacked", async () => {
    const entries = Array.from({ length: 40 }, (_, at) => file(`f${at}`, new Uint8Array(MIB).fill(at)));
    await expectTooFull(registry.push("team/zeros", "1", makeImage({ layers: [makeLayer(entries)] })));
    expect(await env.ok(["rmi", small.config.digest])).toContain(`Deleted: ${small.config.digest}`);
  });

  it("wherever it comes", async () => {
    const layers = [makeLayer([file("a", random(60_000))]), makeLayer([file("b", random(60_000))])];
    const reference = registry.push("team/app", "1", makeImage({ layers }));
    const filler = join(dataHome, "..", "bunker", "filler.lock");
    let succeeded = false;
    for (const free of [0, 4, 8, 16, 32, 64, 100, 128, 160, 200, 260, 320, 400, 600, 1000]) {
      await leave(filler, free * 1024);
      const before = dumpStore(dataHome);
      const { code, stderr } = await env.run(["pull", reference]);
      await watch.check();
      if (code === 0) {
        succeeded = true;
        await leave(filler, null);
        await env.ok(["rmi", reference]);
      } else {
        expect([free, stderr]).toEqual([free, expect.stringMatching(FULL)]);
        expect([free, compareDumps(before, dumpStore(dataHome))]).toEqual([free, []]);
        await env.ok(["images"]);
        await leave(filler, null);
      }
    }
    expect(succeeded).toBe(true);
    await env.ok(["pull", reference]);
  });
});

/** Fills the disk until so much is free; null: empties it again. */
async function leave(filler: string, free: number | null): Promise<void> {
  writeFileSync(filler, "");
  if (free === null) return runProgram(["rm", filler]).then(() => undefined);
  const { bavail, bsize } = statfsSync(dirname(filler));
  writeFileSync(filler, new Uint8Array(Math.max(0, bavail * bsize - free)));
}
