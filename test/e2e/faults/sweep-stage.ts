// What a sweep stands on, and what must be true of containers after each point.

import type { TestEnv } from "../../support/environment.ts";
import type { Sweep } from "../../support/kill-sweep.ts";

export interface Stage {
  env: TestEnv;
  /** busybox's reference, in the store. */
  image: string;
  /** Another, tiny one's, that pull and rmi have for themselves. */
  tiny: string;
}

/** `leavesRunning`: a container runs when it is done. */
export type SweepOf = Pick<Sweep, "prepare" | "recover" | "leavesRunning" | "options">;

const ID = /^[0-9a-f]{64}$/;

/** What is said of the container is what its processes say, and it can be removed. */
export async function truthAndRemoval(env: TestEnv, expected?: string): Promise<void> {
  const state = await env.run(["container", "inspect", "--format", "{{.State.Status}} {{.State.Pid}}", "c"]);
  const [status, pid] = state.stdout.trim().split(" ");
  if (expected !== undefined && status !== expected) throw new Error(`the container is ${status}, not ${expected}`);
  if (status === "running" && !/^[1-9]\d*$/.test(pid ?? "")) throw new Error("it runs without a process");
  if (state.code === 0) await env.ok(["rm", "--force", "c"]);
  await nothingLeft(env);
}

export async function nothingLeft(env: TestEnv): Promise<void> {
  const left = await env.ok(["ps", "--all", "--quiet", "--no-trunc"]);
  if (left !== "") throw new Error(`${ID.test(left) ? "a container is" : "containers are"} left: ${left}`);
}
