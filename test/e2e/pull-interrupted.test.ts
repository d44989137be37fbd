// Pulls that are ended on the way, and pulls beside each other: the store is as it was or whole, what was downloaded is gone on
// with, nothing is downloaded twice, and nobody waits for ever.

import { afterEach, beforeEach, describe, expect } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

import { drip, fail, stallAt } from "../support/behaviour.ts";
import type { Running } from "../support/command.ts";
import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";
import { type Image, type Layer, makeImage, makeLayer } from "../support/image.ts";
import { Invariants } from "../support/invariants.ts";
import { until } from "../support/private-host.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { file, type TarEntry } from "../support/tar.ts";

const it = requires("root", "bunker", "subids", "userns");

const PATIENCE_MS = 10_000;

/** A layer that cannot be compressed, each time another. */
function randomLayer(name: string, size: number): Layer {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return makeLayer([file(name, bytes)]);
}

let env: TestEnv;
let registry: TestRegistry;
let watch: Invariants;
beforeEach(async () => {
  registry = startRegistry();
  env = await TestEnv.create();
  watch = await Invariants.watch(env);
});
afterEach(async () => {
  try {
    await watch.check();
  } finally {
    await env[Symbol.asyncDispose]();
    registry.stop();
  }
});

const blobOf = (layer: { digest: string }): RegExp => new RegExp(`/blobs/${layer.digest}$`);
const rangesOf = (layer: Layer): (string | undefined)[] =>
  registry.requestsTo(blobOf(layer)).map(({ headers }) => headers["range"]);
const requestsFor = (layers: Layer[]): number[] => layers.map((layer) => registry.requestsTo(blobOf(layer)).length);
const once = (layers: Layer[]): number[] => layers.map(() => 1);

/** Until so many bytes of a download are on disk. */
async function downloaded(layer: Layer, size: number): Promise<void> {
  const path = join(env.dataHome, "partial", layer.digest.slice("sha256:".length));
  const there = (): boolean => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= size;
  if (!(await until(there, PATIENCE_MS))) throw new Error(`${size} bytes of ${layer.digest} never came`);
}

async function ended(running: Running): Promise<void> {
  const { code, stderr } = await running.result();
  expect([code, stderr]).toEqual([0, ""]);
}

describe("a pull that is ended", () => {
  const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const;

  it.each(SIGNALS)("by %s while it downloads is gone on with", async (signal) => {
    const [small, large] = [randomLayer("small", 1000), randomLayer("large", 400_000)];
    const reference = registry.push("team/app", "1", makeImage({ layers: [small, large] }));
    registry.when({ path: blobOf(large) }, stallAt(300_000), { times: 1 });
    const before = await Invariants.watch(env);
    const running = env.start(["pull", reference]);
    await downloaded(large, 300_000);
    running.kill(signal);
    expect(await running.result()).toMatchObject({ code: null, signal, stderr: "" });
    // Whoever can still act when the signal comes leaves nothing to be swept.
    await before.check({ unchanged: true, afterKill: signal === "SIGKILL" });
    await env.ok(["pull", reference]);
    expect(rangesOf(large)).toEqual([undefined, "bytes=300000-"]);
    expect(requestsFor([small])).toEqual([1]);
    expect(existsSync(join(env.dataHome, "partial", large.digest.slice("sha256:".length)))).toBe(false);
  });

  const entries: TarEntry[] = Array.from({ length: 6000 }, (_, at) => file(`d${at % 50}/f${at}`, `${at}`));
  const many = makeLayer(entries);

  it.each(["SIGINT", "SIGKILL"] as const)("by %s while it unpacks needs no download again", async (signal) => {
    const reference = registry.push("team/many", "1", makeImage({ layers: [many] }));
    const before = await Invariants.watch(env);
    const running = env.start(["pull", reference]);
    await running.waitFor(/Extracting/);
    running.kill(signal);
    expect(await running.result()).toMatchObject({ code: null, signal });
    await before.check({ unchanged: true, afterKill: signal === "SIGKILL" });
    await env.ok(["pull", reference]);
    expect(requestsFor([many])).toEqual([1]);
  });

  it("by its own failure ends at once, whatever else is under way", async () => {
    const [bad, slow] = [randomLayer("bad", 1000), randomLayer("slow", 1000)];
    const reference = registry.push("team/app", "1", makeImage({ layers: [slow, bad] }));
    registry.when({ path: blobOf(slow) }, stallAt(500)).when({ path: blobOf(bad) }, fail(404));
    const started = performance.now();
    expect(await env.fails(["pull", reference], 1)).toContain("not found: blob unknown");
    expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
    await watch.check({ unchanged: true });
  });
});

describe("a registry that restarts", () => {
  it("is waited for, and gone on with", async () => {
    const layer = randomLayer("large", 600_000);
    const reference = registry.push("team/app", "1", makeImage({ layers: [layer] }));
    registry.when({ path: blobOf(layer) }, drip(20_000, 20), { times: 1 });
    const running = env.start(["pull", reference]);
    await downloaded(layer, 200_000);
    await registry.restart(700);
    await ended(running);
    expect(running.stdout).toMatch(/: Retrying \(/);
    expect(rangesOf(layer).at(-1)).toMatch(/^bytes=[2-5]\d{5}-$/);
  });
});

describe("pulls at once", () => {
  const SLOWLY = drip(5_000, 5);

  it("of one image download each blob once", async () => {
    const layers = [1, 2, 3, 4].map((at) => randomLayer(`l${at}`, 60_000));
    const image = makeImage({ layers });
    const reference = registry.push("team/app", "1", image);
    registry.when({ path: /blobs/ }, SLOWLY);
    await Promise.all(Array.from({ length: 8 }, () => ended(env.start(["pull", reference]))));
    expect(requestsFor(layers)).toEqual(once(layers));
    expect(await env.ok(["images", "-q", "--no-trunc"])).toBe(image.config.digest);
  });

  it("of images with common layers, in whatever order, download each blob once and wait for each other never for ever", async () => {
    const layers = Array.from({ length: 8 }, (_, at) => randomLayer(`l${at}`, 40_000));
    registry.when({ path: /blobs/ }, SLOWLY);
    const references = layers.map((_, at) => {
      const turned = [...layers.slice(at), ...layers.slice(0, at)];
      return registry.push("team/turned", `n${at}`, makeImage({ layers: at % 2 === 0 ? turned : turned.reverse() }));
    });
    await Promise.all(references.map((reference) => ended(env.start(["pull", reference], { timeoutMs: 60_000 }))));
    expect(requestsFor(layers)).toEqual(once(layers));
    expect((await env.ok(["images", "-q"])).split("\n")).toHaveLength(references.length);
  });

  it("one takes over what another, killed, has begun", async () => {
    const layer = randomLayer("large", 400_000);
    const [one, two] = ["one", "two"].map((name) =>
      registry.push(`team/${name}`, "1", makeImage({ layers: [layer], run: { Env: [`NAME=${name}`] } })),
    ) as [string, string];
    registry.when({ path: blobOf(layer) }, stallAt(300_000), { times: 1 });
    const first = env.start(["pull", one]);
    await downloaded(layer, 300_000);
    const second = env.start(["pull", two]);
    await second.waitFor(/: Pulling fs layer/);
    first.kill("SIGKILL");
    await first.result();
    await ended(second);
    // The next one sweeps up after the dead, and needs no download either.
    await env.ok(["pull", one]);
    expect(rangesOf(layer)).toEqual([undefined, "bytes=300000-"]);
  });

  it("one that fails does not wait for another's download", async () => {
    const [shared, bad] = [randomLayer("shared", 400_000), randomLayer("bad", 1000)];
    const one = registry.push("team/one", "1", makeImage({ layers: [shared] }));
    const two = registry.push("team/two", "1", makeImage({ layers: [shared, bad] }));
    registry.when({ path: blobOf(shared) }, stallAt(300_000), { times: 1 }).when({ path: blobOf(bad) }, fail(404));
    const first = env.start(["pull", one]);
    await downloaded(shared, 300_000);
    const started = performance.now();
    expect(await env.fails(["pull", two], 1)).toContain("not found: blob unknown");
    expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
    first.kill("SIGINT");
    await first.result();
  });
});

describe("pull beside rmi", () => {
  it("an image whose lower layers are removed meanwhile is whole all the same", async () => {
    const [base, top] = [randomLayer("base", 1000), randomLayer("top", 1000)];
    const lower = registry.push("team/lower", "1", makeImage({ layers: [base] }));
    const image = makeImage({ layers: [base, top] });
    const upper = registry.push("team/upper", "1", image);
    await env.ok(["pull", lower]);
    const { promise: removed, resolve } = Promise.withResolvers<void>();
    registry.when({ path: blobOf(top) }, async (_request, usual) => {
      await removed;
      return usual();
    });
    const running = env.start(["pull", upper]);
    await running.waitFor(/: Already exists/);
    await env.ok(["rmi", lower]);
    resolve();
    await ended(running);
    expect(requestsFor([base, top])).toEqual([2, 1]);
    await expectWhole(upper, image);
  });

  it("again and again, each says what it found", async () => {
    const layers = [1, 2].map((at) => randomLayer(`l${at}`, 5000));
    const image = makeImage({ layers });
    const reference = registry.push("team/app", "1", image);
    const other = registry.push("team/other", "1", makeImage({ layers: layers.slice(0, 1) }));
    const pulling = async (name: string): Promise<void> => {
      for (let round = 0; round < 8; round += 1) await env.ok(["pull", "-q", name]);
    };
    const removing = async (name: string): Promise<void> => {
      for (let round = 0; round < 16; round += 1) {
        const { code, stderr } = await env.run(["rmi", name]);
        if (code !== 0) expect(stderr).toStartWith(`bunker: no such image: ${name}\n`);
      }
    };
    await Promise.all([pulling(reference), pulling(other), removing(reference), removing(other)]);
    await watch.check();
    await env.ok(["pull", reference]);
    await expectWhole(reference, image);
  });

  async function expectWhole(reference: string, image: Image): Promise<void> {
    expect(await env.ok(["inspect", "-f", "{{.Id}}", reference])).toBe(image.config.digest);
    const directories = (await env.ok(["inspect", "-f", "{{.GraphDriver.Data.LowerDir}}", reference])).split(":");
    expect(directories.filter((path) => !existsSync(path))).toEqual([]);
    expect(directories).toHaveLength(image.layers.length);
  }
});
