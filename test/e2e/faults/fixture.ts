// What the tests of faults stand on: an environment with busybox in its store, and looks at keepers from outside, by the files
// and processes they leave, never through the engine.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

import { type EnvOptions, TestEnv } from "../../support/environment.ts";
import { requires } from "../../support/guards.ts";
import { commandLine, processesOf } from "../../support/host-state.ts";
import { pushImage } from "../../support/image-cache.ts";
import { until } from "../../support/private-host.ts";
import { RealRegistry } from "../../support/real-registry.ts";

export const it = requires("root", "bunker", "userns", "subids", "cgroup2", "docker-registry", "skopeo", "busybox");

const PATIENCE_MS = 10_000;

/** A registry with busybox in it. */
export class Source {
  private constructor(
    readonly registry: RealRegistry,
    /** The image's reference. */
    readonly image: string,
  ) {}

  static async start(): Promise<Source> {
    const registry = await RealRegistry.start();
    return new Source(registry, await pushImage("busybox", { host: registry.host }));
  }

  /** An environment that has the image, and has had a container: the first one finds out things that are known from then on. */
  async env(options: EnvOptions = {}): Promise<TestEnv> {
    const env = await TestEnv.create(options);
    await env.ok(["pull", "--quiet", this.image]);
    await env.ok(["rm", await env.ok(["create", NO_NETWORK, this.image])]);
    return env;
  }

  async stop(): Promise<void> {
    await this.registry.stop();
  }
}

/** The keeper's `state.json`, as far as tests look at it. */
export interface State {
  pid: number;
  startTime: number;
  bootId: string;
  keeperPid: number;
  helper: { pid: number; startTime: number } | null;
  rootHelper: { pid: number; startTime: number } | null;
}

export function runtimeOf(env: TestEnv, id: string): string {
  return join(env.dataHome, "run/c", id);
}

export function stateOf(env: TestEnv, id: string): State {
  return JSON.parse(readFileSync(join(runtimeOf(env, id), "state.json"), "utf8")) as State;
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Kills a process of the test's and waits until it is gone. */
export async function kill(pid: number): Promise<void> {
  // 0 is our own group.
  if (pid <= 1) throw new Error(`there is no process ${pid} to kill`);
  process.kill(pid, "SIGKILL");
  if (!(await until(() => !isAlive(pid), PATIENCE_MS))) throw new Error(`process ${pid} survives SIGKILL`);
}

export async function killKeeper(env: TestEnv, id: string): Promise<State> {
  const state = stateOf(env, id);
  await kill(state.keeperPid);
  return state;
}

/** Pids of keepers in container mode. */
export function keepersOf(env: TestEnv): number[] {
  return processesOf(env).filter((pid) => {
    const [name, mode] = commandLine(pid);
    return name === "keeper" && mode === "container" && isAlive(pid);
  });
}

/** The user namespace a process lives in; of a keeper: U. */
export function userNamespaceOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/user`);
}

/** What `ps` says of a container. */
export async function statusOf(env: TestEnv, name: string): Promise<string> {
  return await env.ok(["ps", "--all", "--filter", `name=^/?${name}$`, "--format", "{{.Status}}"]);
}

/** Ids of everything in the runtime directory. */
export function atWork(env: TestEnv): string[] {
  return readdirSync(join(env.dataHome, "run/c"));
}

/** Without a network helper: quick to start. */
export const NO_NETWORK = "--network=none";
