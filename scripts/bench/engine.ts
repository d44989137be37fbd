// The engines that are compared, each in an environment of its own, with the same image.

import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { TestEnv } from "../../test/support/environment.ts";
import { sidRoot } from "./sid-root.ts";
import { Stopwatch } from "./stopwatch.ts";

export interface Engine {
  name: string;
  env: TestEnv;
  watch: Stopwatch;
  /** The program and its global flags. */
  words: string[];
  /** Flags that put data and state elsewhere. */
  elsewhere(directory: string): string[];
}

/** What a rootless podman without systemd needs to be told. */
const PODMAN_SETTINGS = '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n';
const PODMAN_STORAGE = '[storage]\ndriver = "overlay"\n';

export async function startBunker(): Promise<Engine> {
  const env = await TestEnv.create();
  return {
    name: "bunker",
    env,
    watch: new Stopwatch(env),
    words: [env.program],
    elsewhere: (directory) => ["--root", join(directory, "data")],
  };
}

/** The one that apt installs here, or today's in a root of its own. */
export async function startPodman(sid: boolean): Promise<Engine> {
  const env = await TestEnv.create(sid ? { root: sidRoot() } : {});
  put(env, ".config/containers/containers.conf", PODMAN_SETTINGS);
  put(env, ".config/containers/storage.conf", PODMAN_STORAGE);
  const watch = new Stopwatch(env);
  const { stdout } = await watch.time(["podman", "--version"]);
  return {
    name: stdout.trim().replace(" version", ""),
    env,
    watch,
    words: ["podman"],
    elsewhere: (directory) => ["--root", join(directory, "data"), "--runroot", join(directory, "run")],
  };
}

export async function stopEngine({ env, watch }: Engine): Promise<void> {
  await watch.close();
  await env.host.close();
}

function put({ home, user }: TestEnv, name: string, content: string): void {
  const path = join(home, name);
  for (const folder of [".config", ".config/containers"]) {
    mkdirSync(join(home, folder), { recursive: true });
    chownSync(join(home, folder), user.uid, user.gid);
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
