// What tests of images stand on: one environment and one registry for a file; after each test all images are removed, and the store
// must then be as it was at the beginning.
//
//   const stage = useImageStage();
//   stage.it("…", async () => {
//     const reference = await stage.pull("team/app", "1.0", app);
//   });

import { afterAll, afterEach, beforeAll, test } from "bun:test";

import { TestEnv } from "./environment.ts";
import { type Need, requires } from "./guards.ts";
import { type Image, type Index, makeImage, makeLayer } from "./image.ts";
import { Invariants } from "./invariants.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";
import { file } from "./tar.ts";

const NEEDS: Need[] = ["root", "bunker", "userns", "subids", "cgroup2"];

export const layer = makeLayer([file("data", new Uint8Array(1_500_000))]);
export const second = makeLayer([file("second", "x")]);

/** An image that says all an image can say. */
export const app = makeImage({
  layers: [layer],
  run: {
    Cmd: ["app", "-x"],
    Entrypoint: ["/entry"],
    Env: ["PATH=/bin", "A=1"],
    Labels: { tier: "web", "org.x": "y" },
    WorkingDir: "/srv",
    User: "1000:1000",
    Volumes: { "/data": {} },
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    StopSignal: "SIGQUIT",
    OnBuild: ["RUN x"],
    Shell: ["/bin/bash", "-c"],
    Healthcheck: { Test: ["CMD", "true"], Interval: 30_000_000_000, Retries: 3 },
  },
  config: { created: "2026-01-02T03:04:05.678Z", author: "somebody", history: [{ comment: "the comment" }] },
});
export const older = makeImage({ layers: [layer, second], config: { created: "2025-01-01T00:00:00Z" } });
export const undated = makeImage({ layers: [second], config: { created: undefined } });

/** The first digits of an id, as listings have them. */
export function shortId(digest: string): string {
  return digest.slice("sha256:".length, "sha256:".length + 12);
}

export class ImageStage {
  /** `test`, or its stand-in where this machine lacks something. */
  readonly it: typeof test;
  #env: TestEnv | null = null;
  #registry: TestRegistry | null = null;
  #watch: Invariants | null = null;

  constructor(needs: Need[]) {
    this.it = requires(...NEEDS, ...needs);
  }

  get env(): TestEnv {
    return open(this.#env);
  }

  get registry(): TestRegistry {
    return open(this.#registry);
  }

  get watch(): Invariants {
    return open(this.#watch);
  }

  /** Of the registry. */
  get host(): string {
    return this.registry.host;
  }

  /** Pushes and pulls; gives the reference. */
  async pull(repository: string, tag: string, content: Image | Index): Promise<string> {
    return this.env.ok(["pull", "-q", this.registry.push(repository, tag, content)]);
  }

  async open(): Promise<void> {
    this.#registry = startRegistry();
    this.#env = await TestEnv.create();
    // The default network, which the first container would make.
    await this.#env.ok(["network", "ls", "-q"]);
    this.#watch = await Invariants.watch(this.#env);
  }

  /** @throws when something is left of what the test did */
  async clear(): Promise<void> {
    const ids = (await this.env.ok(["images", "-aq", "--no-trunc"])).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.env.ok(["rmi", "-f", ...new Set(ids)]);
    await this.watch.check({ unchanged: true });
  }

  async close(): Promise<void> {
    this.#registry?.stop();
    await this.#env?.[Symbol.asyncDispose]();
  }
}

function open<T>(part: T | null): T {
  if (part === null) throw new Error("the stage is open during tests only");
  return part;
}

/** Registers the hooks of a file. */
export function useImageStage(...needs: Need[]): ImageStage {
  const stage = new ImageStage(needs);
  // Where all tests are skipped there is nothing to open, and perhaps nothing to open it with.
  if (stage.it !== test) return stage;
  beforeAll(() => stage.open());
  afterEach(() => stage.clear());
  afterAll(() => stage.close());
  return stage;
}
