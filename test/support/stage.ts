// What tests of containers stand on: one environment for a file, busybox there from the start, and after each test all its
// containers removed and the invariants checked.
//
//   const stage = useStage();
//   stage.it("prints what it is told", async () => {
//     expect(await stage.env.ok(["run", "--rm", "busybox", "echo", "hello"])).toBe("hello");
//   });
//
// Further images: `stage.add("as-user", busyboxWith({ User: "1000" }))`, then run by that name.

import { afterAll, afterEach, beforeAll, beforeEach, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Canary } from "./canary.ts";
import { TestEnv } from "./environment.ts";
import { type Need, requires } from "./guards.ts";
import { type Image, type Layer, makeBlob, makeImage } from "./image.ts";
import { imageLayout } from "./image-cache.ts";
import { Invariants } from "./invariants.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

const NEEDS: Need[] = ["root", "bunker", "userns", "subids", "cgroup2", "busybox", "umoci"];
/** The first file to come may have to make the image. */
const OPENING_TIMEOUT_MS = 300_000;
const CLOSING_TIMEOUT_MS = 60_000;

/** An image whose layers an OCI layout of ours has (image-cache.ts), with another configuration. */
async function imageFrom(name: string, run: Record<string, unknown>, more: Layer[] = []): Promise<Image> {
  const layout = await imageLayout(name);
  const bytesOf = (digest: string) => new Uint8Array(readFileSync(join(layout, "blobs", digest.replace(":", "/"))));
  const read = <T>(digest: string) => JSON.parse(Buffer.from(bytesOf(digest)).toString()) as T;
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: [{ digest: string }] };
  const manifest = read<{ config: { digest: string }; layers: { digest: string; mediaType: string }[] }>(
    index.manifests[0].digest,
  );
  const config = read<{ rootfs: { diff_ids: string[] } }>(manifest.config.digest);
  const layers = manifest.layers.map(({ digest, mediaType }, at) => ({
    ...makeBlob(bytesOf(digest), mediaType),
    diffId: config.rootfs.diff_ids[at] ?? "",
  }));
  return makeImage({ layers: [...layers, ...more], run });
}

/** busybox with a configuration (`User`, `Volumes`, …) and layers on top. */
export function busyboxWith(run: Record<string, unknown>, more: Layer[] = []): Promise<Image> {
  return imageFrom("busybox", { Cmd: ["sh"], Env: ["PATH=/bin:/sbin:/usr/bin"], ...run }, more);
}

/** Debian with nginx, redis and postgres. */
export function servicesImage(): Promise<Image> {
  return imageFrom("services", {
    Cmd: ["bash"],
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  });
}

export class Stage {
  /** `test`, or its stand-in where this machine lacks something. */
  readonly it: typeof test;
  #env: TestEnv | null = null;
  #registry: TestRegistry | null = null;
  #watch: Invariants | null = null;
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(needs: Need[]) {
    this.it = requires(...NEEDS, ...needs);
  }

  get env(): TestEnv {
    if (this.#env === null) throw new Error("the stage is open during tests only");
    return this.#env;
  }

  /** The tree of this test that an escape would change; hostile images may aim at it. */
  get canary(): Canary {
    if (this.#watch === null) throw new Error("the canary is there during tests only");
    return this.#watch.canary;
  }

  /** Pulls an image under a short name of its own. */
  async add(name: string, image: Image | Promise<Image>): Promise<void> {
    if (this.#registry === null) throw new Error("the stage is open during tests only");
    const reference = this.#registry.push(name, "latest", await image);
    await this.env.ok(["pull", "--quiet", reference]);
    await this.env.ok(["tag", reference, name]);
  }

  async open(options: Parameters<typeof TestEnv.create>[0]): Promise<void> {
    this.#env = await TestEnv.create(options);
    this.#registry = startRegistry();
    await this.add("busybox", busyboxWith({}));
  }

  async watch(): Promise<void> {
    this.#watch = await Invariants.watch(this.env);
  }

  /** @throws when something is left of what the test did */
  async clear(): Promise<void> {
    const all = await this.env.ok(["ps", "--all", "--quiet"]);
    if (all !== "") await this.env.ok(["rm", "--force", "--volumes", ...all.split("\n")]);
    await this.#watch?.check();
  }

  /** What else is to be closed, after the environment. */
  onClose(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    this.#registry?.[Symbol.dispose]();
    await this.#env?.[Symbol.asyncDispose]();
    for (const close of this.#closers) await close();
  }
}

export interface StageOptions {
  /** Besides what every container needs. */
  needs?: Need[];
  environment?: Parameters<typeof TestEnv.create>[0];
  /** After opening: further images. */
  prepare?: (stage: Stage) => Promise<void>;
}

/** Registers the hooks of a file (or of a `describe`). */
export function useStage({ needs = [], environment = {}, prepare }: StageOptions = {}): Stage {
  const stage = new Stage(needs);
  // Where all tests are skipped there is nothing to open, and perhaps nothing to open it with.
  if (stage.it !== test) return stage;
  beforeAll(async () => {
    await stage.open(environment);
    await prepare?.(stage);
  }, OPENING_TIMEOUT_MS);
  beforeEach(() => stage.watch());
  afterEach(() => stage.clear());
  afterAll(() => stage.close(), CLOSING_TIMEOUT_MS);
  return stage;
}
