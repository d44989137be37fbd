// The engines that are compared, each in an environment of its own, with the same image.

import { join } from "node:path";

import { TestEnv } from "../../test/support/environment.ts";
import { configurePodman } from "../../test/support/podman.ts";
import { sidRoot } from "./debian-root.ts";
import { Stopwatch } from "./stopwatch.ts";

export interface Engine {
  name: string;
  env: TestEnv;
  watch: Stopwatch;
  /** The program and its global flags. */
  words: string[];
  /** What it can put containers on that lead out, as words of --network. */
  networks: string[];
  /** Flags that put data and state elsewhere. */
  elsewhere(directory: string): string[];
}

export async function startBunker(): Promise<Engine> {
  const env = await TestEnv.create();
  return {
    name: "bunker",
    env,
    watch: new Stopwatch(env),
    words: [env.program],
    networks: ["bridge"],
    elsewhere: (directory) => ["--root", join(directory, "data")],
  };
}

/** The one that apt installs here, or today's in a root of its own. */
export async function startPodman(sid: boolean): Promise<Engine> {
  const env = await TestEnv.create(sid ? { root: sidRoot() } : {});
  configurePodman(env);
  const watch = new Stopwatch(env);
  const { stdout } = await watch.time(["podman", "--version"]);
  return {
    name: stdout.trim().replace(" version", ""),
    env,
    watch,
    words: ["podman"],
    // Its default (the old one knows no pasta), and netavark's, which are much the same in both.
    networks: sid ? ["pasta", "bridge"] : ["slirp4netns"],
    elsewhere: (directory) => ["--root", join(directory, "data"), "--runroot", join(directory, "run")],
  };
}

export async function stopEngine({ env, watch }: Engine): Promise<void> {
  await watch.close();
  await env.host.close();
}
