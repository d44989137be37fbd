// The commands that are killed, and made to fail, at each of their system calls, and what must work right after.

import { chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "../../support/environment.ts";
import { makeImage, makeLayer } from "../../support/image.ts";
import type { Sweep } from "../../support/kill-sweep.ts";
import { directory, file, hardlink } from "../../support/tar.ts";
import { NO_NETWORK, type Source } from "./fixture.ts";

export interface Stage {
  env: TestEnv;
  /** busybox's reference, in the store. */
  image: string;
  /** Another, tiny one's, that pull and rmi have for themselves. */
  tiny: string;
}

/** Layers of the kinds that pull treats apart: an implied directory over a real one, a hard link into a lower layer. */
export async function pushTiny(source: Source): Promise<string> {
  const lower = makeLayer([directory("tmp", { mode: 0o1777 }), directory("data"), file("data/kept", "lower\n")]);
  const upper = makeLayer([file("tmp/implied", "upper\n"), hardlink("data/linked", "data/kept")]);
  return await source.registry.push("test/tiny", "1", makeImage({ layers: [lower, upper] }));
}

/** `leavesRunning`: a container runs when it is done. */
export type SweepOf = Pick<Sweep, "prepare" | "recover" | "leavesRunning" | "options">;

/** More than a pipe holds. */
const CONTENT = `${"content,".repeat(40_000)}\n`;

function plantFile(env: TestEnv): void {
  const path = join(env.home, "file");
  writeFileSync(path, CONTENT);
  chownSync(path, env.user.uid, env.user.gid);
}

const ID = /^[0-9a-f]{64}$/;

export const SWEEPS: Record<string, (stage: Stage) => SweepOf> = {
  pull: ({ env, tiny }) => ({
    prepare: async () => ["pull", "--quiet", tiny],
    recover: async (args) => {
      await env.ok(args);
      await env.ok(["image", "inspect", tiny]);
      await env.ok(["rmi", tiny]);
    },
  }),

  rmi: ({ env, tiny }) => ({
    prepare: async () => {
      await env.ok(["pull", "--quiet", tiny]);
      return ["rmi", tiny];
    },
    recover: async () => {
      await env.ok(["pull", "--quiet", tiny]);
      await env.ok(["rmi", tiny]);
    },
  }),

  "run --rm": ({ env, image }) => ({
    prepare: async () => ["run", "--rm", NO_NETWORK, image, "true"],
    recover: async (args) => {
      await env.ok(args);
      await nothingLeft(env);
    },
  }),

  "run -d": ({ env, image }) => ({
    prepare: async () => ["run", "-d", "--name=c", NO_NETWORK, image, "sleep", "1000"],
    recover: async (args) => {
      await truthAndRemoval(env);
      await env.ok(args);
      await truthAndRemoval(env, "running");
    },
    leavesRunning: true,
  }),

  "run, attached": ({ env, image }) => ({
    prepare: async () => ["run", "--name=c", image, "echo", "out"],
    recover: async (args) => {
      await truthAndRemoval(env);
      const output = await env.ok(args);
      if (output !== "out") throw new Error(`printed ${JSON.stringify(output)}`);
      await truthAndRemoval(env, "exited");
    },
    leavesRunning: true,
  }),

  create: ({ env, image }) => ({
    prepare: async () => ["create", "--name=c", image, "true"],
    recover: async (args) => {
      await truthAndRemoval(env);
      await env.ok(args);
      await truthAndRemoval(env, "created");
    },
  }),

  start: ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["create", "--name=c", NO_NETWORK, image, "sleep", "1000"]);
      return ["start", "c"];
    },
    recover: async (args) => {
      await env.ok(args);
      await truthAndRemoval(env, "running");
    },
    leavesRunning: true,
  }),

  stop: ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["run", "-d", "--name=c", NO_NETWORK, image, "sleep", "1000"]);
      return ["stop", "-t0", "c"];
    },
    recover: async (args) => {
      await env.ok(args);
      await truthAndRemoval(env, "exited");
    },
    leavesRunning: true,
  }),

  rm: ({ env, image }) => ({
    prepare: async () => ["rm", "--force", await env.ok(["run", "-d", NO_NETWORK, image, "sleep", "1000"])],
    recover: async (args) => {
      await env.run(args);
      await nothingLeft(env);
    },
    leavesRunning: true,
  }),

  "create where layers are copied": ({ env, image }) => ({
    options: { environment: { BUNKER_STORAGE_DRIVER: "copy" } },
    prepare: async () => ["create", "--name=c", NO_NETWORK, image, "cat", "/etc/passwd"],
    recover: async (args) => {
      await truthAndRemoval(env);
      const copied = { environment: { BUNKER_STORAGE_DRIVER: "copy" } };
      await env.ok(args, copied);
      if ((await env.run(["start", "-a", "c"], copied)).code !== 0) throw new Error("the copy is not whole");
      await truthAndRemoval(env, "exited");
    },
  }),

  "cp into a running container": ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["run", "-d", "--name=c", NO_NETWORK, image, "sleep", "1000"]);
      plantFile(env);
      return ["cp", "file", "c:/etc/motd"];
    },
    recover: async (args) => {
      // Whole or not there, never half.
      const seen = await env.run(["exec", "c", "cat", "/etc/motd"]);
      if (seen.code === 0 && seen.stdout !== CONTENT) throw new Error(`half a file: ${seen.stdout.length} bytes`);
      await env.ok(args);
      if ((await env.ok(["exec", "c", "cat", "/etc/motd"])) !== CONTENT.trimEnd()) throw new Error("not copied");
      await truthAndRemoval(env, "running");
    },
    leavesRunning: true,
  }),

  "cp into a container at rest, and start": ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["create", "--name=c", NO_NETWORK, "-v", "/data", image, "cat", "/data/file"]);
      plantFile(env);
      return ["cp", "file", "c:/data/"];
    },
    recover: async (args) => {
      await env.run(["start", "-a", "c"]);
      await env.ok(args);
      if ((await env.ok(["start", "-a", "c"])) !== CONTENT.trimEnd()) throw new Error("not copied");
      await truthAndRemoval(env, "exited");
    },
  }),

  "cp out": ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["create", "--name=c", NO_NETWORK, image, "true"]);
      return ["cp", "c:/bin", "out"];
    },
    recover: async (args) => {
      Bun.spawnSync(env.command(["rm", "-rf", "out"]));
      await env.ok(args);
      Bun.spawnSync(env.command(["rm", "-rf", "out"]));
      await truthAndRemoval(env, "created");
    },
  }),

  rename: ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["create", "--name=zero", NO_NETWORK, image, "true"]);
      return ["rename", "zero", "c"];
    },
    recover: async () => {
      // One of the two, and not both.
      const renamed = await env.run(["rename", "zero", "c"]);
      await env.ok(["container", "exists", "c"]);
      if (renamed.code !== 0 && !renamed.stderr.includes("no such container")) throw new Error(renamed.stderr);
      await truthAndRemoval(env, "created");
    },
  }),

  "run with a new volume": ({ env, image }) => ({
    prepare: async () => ["run", "--rm", NO_NETWORK, "-v", "fresh:/bin", "-v", "/tmp", image, "true"],
    recover: async (args) => {
      // Whole, whoever was killed while it was being filled.
      await env.ok(args);
      await env.ok(["volume", "rm", "fresh"]);
      await nothingLeft(env);
    },
  }),

  "volume create": ({ env }) => ({
    prepare: async () => ["volume", "create", "data"],
    recover: async (args) => {
      await env.ok(args);
      await env.ok(["volume", "rm", "data"]);
    },
  }),

  "volume rm": ({ env }) => ({
    prepare: async () => {
      await env.ok(["volume", "create", "data"]);
      return ["volume", "rm", "data"];
    },
    recover: async () => {
      await env.ok(["volume", "rm", "--force", "data"]);
      await env.ok(["volume", "create", "data"]);
      await env.ok(["volume", "rm", "data"]);
    },
  }),

  "system prune": ({ env, image, tiny }) => ({
    prepare: async () => {
      await env.ok(["pull", "--quiet", tiny]);
      await env.ok(["create", "--name=c", NO_NETWORK, "-v", "/anonymous", image, "true"]);
      await env.ok(["run", "-d", "--name=kept", NO_NETWORK, image, "sleep", "1000"]);
      return ["system", "prune", "--all", "--force", "--volumes"];
    },
    recover: async (args) => {
      await env.ok(args);
      await env.ok(["rm", "--force", "kept"]);
      await nothingLeft(env);
      if ((await env.ok(["volume", "ls", "-q"])) !== "") throw new Error("a volume is left");
      await env.fails(["image", "exists", tiny], 1);
    },
    leavesRunning: true,
  }),

  "system reset": ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["run", "-d", "--name=c", NO_NETWORK, "-v", "data:/data", image, "sleep", "1000"]);
      return ["system", "reset", "--force"];
    },
    recover: async (args) => {
      await env.ok(args);
      for (const list of [
        ["ps", "-aq"],
        ["images", "-q"],
        ["volume", "ls", "-q"],
      ]) {
        if ((await env.ok(list)) !== "") throw new Error(`${list.join(" ")} lists something`);
      }
      await env.ok(["pull", "--quiet", image]);
    },
    leavesRunning: true,
  }),

  exec: ({ env, image }) => ({
    prepare: async () => {
      // One container for all of them, unless a keeper was killed so that its exit may be long in coming.
      if ((await env.ok(["ps", "-q"])) === "") {
        await env.ok(["run", "-d", "--name=c", NO_NETWORK, image, "sleep", "1000"]);
      }
      return ["exec", "c", "echo", "out"];
    },
    recover: async (args) => {
      if ((await env.ok(args)) !== "out") throw new Error("exec printed something else");
      await truthAndRemoval(env, "running");
    },
    leavesRunning: true,
  }),
};

/** What is said of the container is what its processes say, and it can be removed. */
async function truthAndRemoval(env: TestEnv, expected?: string): Promise<void> {
  const state = await env.run(["container", "inspect", "--format", "{{.State.Status}} {{.State.Pid}}", "c"]);
  const [status, pid] = state.stdout.trim().split(" ");
  if (expected !== undefined && status !== expected) throw new Error(`the container is ${status}, not ${expected}`);
  if (status === "running" && !/^[1-9]\d*$/.test(pid ?? "")) throw new Error("it runs without a process");
  if (state.code === 0) await env.ok(["rm", "--force", "c"]);
  await nothingLeft(env);
}

async function nothingLeft(env: TestEnv): Promise<void> {
  const left = await env.ok(["ps", "--all", "--quiet", "--no-trunc"]);
  if (left !== "") throw new Error(`${ID.test(left) ? "a container is" : "containers are"} left: ${left}`);
}
