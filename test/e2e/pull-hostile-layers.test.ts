// Layers that try to get out, delivered by pull as gzip, zstd and plain in turn: they are extracted as GNU tar in a chroot would, or
// refused with a reason that names layer and entry; nothing outside changes, and nothing takes long.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

import { TestEnv } from "../support/environment.ts";
import { describeFiles, IdMap } from "../support/file-tree.ts";
import { GnuTar } from "../support/gnu-tar.ts";
import { requires } from "../support/guards.ts";
import { type HostileLayer, hostileLinks, hostileNames, hostileWhiteouts } from "../support/hostile-layers.ts";
import { hostileSizes } from "../support/hostile-sizes.ts";
import { type Compression, type Layer, makeImage, makeLayer, sha256 } from "../support/image.ts";
import { Invariants } from "../support/invariants.ts";
import { MergedRoot } from "../support/merged-root.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { compareDumps, dumpStore } from "../support/store-dump.ts";
import { file, makeTar } from "../support/tar.ts";

const it = requires("root", "bunker", "subids", "userns");
const usable = it === test;
const COMPRESSIONS: Compression[] = ["gzip", "zstd", "none"];
/** What a hostile layer may cost, on two busy processors. */
const TIMEOUT_MS = 20_000;

let env: TestEnv;
let registry: TestRegistry;
let tar: GnuTar;
let watch: Invariants;
let count = 0;
beforeAll(async () => {
  if (!usable) return;
  registry = startRegistry();
  env = await TestEnv.create();
  tar = await GnuTar.create();
  watch = await Invariants.watch(env);
});
afterAll(async () => {
  if (!usable) return;
  await env[Symbol.asyncDispose]();
  registry.stop();
  tar[Symbol.dispose]();
});

function layerOf({ archive, blob }: HostileLayer, compression: Compression): Layer {
  const usual = makeLayer(archive, { compression: blob === undefined ? compression : "gzip" });
  if (blob === undefined) return usual;
  return { ...usual, bytes: blob, size: blob.byteLength, digest: sha256(blob) };
}

/** Pulls it; in how it ended, and what is there, in a form that can be compared. */
async function outcomeOf(hostile: HostileLayer): Promise<unknown> {
  count += 1;
  const top = layerOf(hostile, COMPRESSIONS[count % COMPRESSIONS.length] ?? "gzip");
  const below = (hostile.below ?? []).map((entries) => makeLayer(entries));
  const reference = registry.push("hostile", `n${count}`, makeImage({ layers: [...below, top] }));
  const before = dumpStore(env.dataHome);
  const { code, stdout, stderr } = await env.run(["pull", "-q", reference], { timeoutMs: TIMEOUT_MS });
  if (code !== 0) {
    // One line that says where, without what a terminal would obey, and a hint.
    expect(stderr).toMatch(/^bunker: pulling "[^"]+": layer sha256:[0-9a-f]{12}[^\n]*\nhint: [^\n]+\n$/);
    expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|undefined/);
    expect(stdout).toBe("");
    expect(compareDumps(before, dumpStore(env.dataHome))).toEqual([]);
    return stderr;
  }
  if (hostile.outcome === "taken") return "taken";
  if (hostile.outcome === "tar" || hostile.outcome === "safe") {
    const root = join(env.dataHome, "layers/user", top.diffId.slice("sha256:".length), "root");
    return describeFiles(root, { owners: new IdMap(env.user) }).slice(1);
  }
  await using merged = await MergedRoot.mount(env, reference);
  return merged.files().map(nameOf);
}

/** The path of a line of `describeFiles`, with a slash for directories. */
function nameOf(line: string): string {
  const path = line.split(" ").at(-1) ?? "";
  return line.startsWith("d ") ? `${path}/` : path;
}

/** A reason to refuse is right where one was asked for, or GNU tar refuses too. */
function agrees(actual: unknown, expected: unknown): boolean {
  if (typeof actual === "string" && expected instanceof RegExp) return expected.test(actual);
  if (typeof actual === "string" && expected === null) return true;
  return Bun.deepEquals(actual, expected);
}

async function checkAll(layers: HostileLayer[]): Promise<void> {
  const wrong: unknown[] = [];
  for (const hostile of layers) {
    const { name, outcome, archive } = hostile;
    const actual = await outcomeOf(hostile);
    const expected = outcome === "tar" || outcome === "safe" ? await tar.extract(archive) : outcome;
    if (!agrees(actual, expected) && !(outcome === "safe" && typeof actual === "string"))
      wrong.push({ name, actual, expected });
  }
  expect(wrong).toEqual([]);
  // No layer of these is left behind in any form.
  await env.ok(["rmi", "-f", ...(await env.ok(["images", "-q", "--no-trunc"])).split("\n")]);
  await watch.check({ unchanged: true });
}

describe("hostile layers", () => {
  it("names", async () => checkAll(hostileNames()));
  it("links", async () => checkAll(hostileLinks(watch.canary.root)));
  it("whiteouts", async () => checkAll(hostileWhiteouts()));
  it("sizes", async () => checkAll(hostileSizes()));

  it("archives that end anywhere", async () => {
    const archive = makeTar([file("a", "x".repeat(5000)), file("b", "y"), file("c".repeat(150), "z".repeat(600))]);
    const points = Array.from({ length: archive.byteLength / 512 - 1 }, (_, at) => (at + 1) * 512);
    await checkAll(
      points.map((at) => ({ name: `at ${at}`, archive: archive.subarray(0, at), outcome: "safe" as const })),
    );
  });
});
