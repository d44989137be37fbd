// OCI bundles by hand: busybox unpacked by the user himself, with crun's rootless configuration, and `bunker runtime` on it.
//
//   const { ok } = await makeBundle(stage.env, (config) => { config.process.args = ["true"]; });
//   await ok("run", "name");

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "./environment.ts";

/** What tests change of crun's config.json. */
export interface BundleConfig {
  [more: string]: unknown;
  annotations?: Record<string, string>;
  hooks?: Record<string, object[]>;
  root: { path: string; readonly: boolean };
  process: {
    [more: string]: unknown;
    args: string[];
    env: string[];
    cwd: string;
    terminal: boolean;
    noNewPrivileges: boolean;
    user: { uid: number; gid: number; additionalGids?: number[]; umask?: number };
    capabilities: Record<string, string[]>;
  };
  mounts: { destination: string; type: string; source: string; options?: string[] }[];
  linux: {
    [more: string]: unknown;
    namespaces: { type: string; path?: string }[];
    resources: Record<string, unknown>;
  };
}

export interface Bundle {
  directory: string;
  root: string;
  /** argv of `bunker runtime` with this bundle's state. */
  argv: (...words: string[]) => string[];
  ok: (...words: string[]) => Promise<string>;
  fails: (code: number, ...words: string[]) => Promise<string>;
  /** With streams that outlive the command: what the container writes is in the files `out` and `errors`. */
  create: (...words: string[]) => Promise<void>;
  /** Waits for the container's end. */
  ended: (id: string) => Promise<void>;
  written: (name: string) => string;
}

let made = 0;

async function shell(env: TestEnv, script: string, words: string[] = [], cwd = env.home): Promise<string> {
  const ended = await env.startOther(["sh", "-ec", script, "sh", ...words], { cwd }).result();
  if (ended.code !== 0) throw new Error(`${script}: exit code ${ended.code}\n${ended.stdout}\n${ended.stderr}`);
  return ended.stdout;
}

/** In an environment that has busybox. */
export async function makeBundle(env: TestEnv, change: (config: BundleConfig) => void): Promise<Bundle> {
  const directory = env.makeDirectory(`bundle-${++made}`);
  const archive = join(env.home, "busybox.tar");
  const root = join(directory, "rootfs");
  if (!existsSync(archive)) {
    await env.ok(["create", "--name", "donor", "busybox"]);
    await shell(env, `"$1" cp donor:/bin - > ${archive}; "$1" rm donor`, [env.program]);
  }
  await shell(env, `mkdir -p ${root}/etc; tar -xf ${archive} -C ${root}; cd ${directory}; crun spec --rootless`);
  const file = join(directory, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as BundleConfig;
  config.process.terminal = false;
  config.process.env = ["PATH=/bin"];
  change(config);
  writeFileSync(file, JSON.stringify(config));
  const before = ["runtime", "--root", join(directory, "state")];
  const options = { cwd: directory };
  const ok = (...words: string[]) => env.ok([...before, ...words], options);
  return {
    directory,
    root,
    argv: (...words) => [env.program, ...before, ...words],
    ok,
    fails: (code, ...words) => env.fails([...before, ...words], code, options),
    create: async (...words) => {
      const command = [env.program, ...before, "create", ...words];
      await shell(env, '"$@" </dev/null >out 2>errors || { cat errors; exit 1; }', command, directory);
    },
    ended: async (id) => {
      for (let status = ""; status !== "stopped";)
        ({ status } = JSON.parse(await ok("state", id)) as { status: string });
    },
    written: (name) => readFileSync(join(directory, name), "utf8"),
  };
}
