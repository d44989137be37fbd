// The commands that are killed, and made to fail, at each of their system calls, and what must work right after.

import { makeImage, makeLayer } from "../../support/image.ts";
import { directory, file, hardlink } from "../../support/tar.ts";
import { CONTENT_SWEEPS } from "./content-sweeps.ts";
import { NO_NETWORK, type Source } from "./fixture.ts";
import { CONTAINERS_OWN } from "../../support/kill-sweep.ts";
import { nothingLeft, type Stage, type SweepOf, truthAndRemoval } from "./sweep-stage.ts";

/** Layers of the kinds that pull treats apart: an implied directory over a real one, a hard link into a lower layer. */
export async function pushTiny(source: Source): Promise<string> {
  const lower = makeLayer([directory("tmp", { mode: 0o1777 }), directory("data"), file("data/kept", "lower\n")]);
  const upper = makeLayer([file("tmp/implied", "upper\n"), hardlink("data/linked", "data/kept")]);
  return await source.registry.push("test/tiny", "1", makeImage({ layers: [lower, upper] }));
}

/** Its own writes are made to fail as well. */
const SAYING = ["sh", "-c", `echo out || exit ${CONTAINERS_OWN}`];

export const SWEEPS: Record<string, (stage: Stage) => SweepOf> = {
  ...CONTENT_SWEEPS,
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

  "run -d where a program shows the root": ({ env, image }) => ({
    options: { environment: { BUNKER_STORAGE_DRIVER: "fuse-overlayfs" } },
    prepare: async () => ["run", "-d", "--name=c", NO_NETWORK, image, "sleep", "1000"],
    recover: async (args) => {
      await truthAndRemoval(env);
      await env.ok(args, { environment: { BUNKER_STORAGE_DRIVER: "fuse-overlayfs" } });
      await env.ok(["exec", "c", "cat", "/etc/passwd"]);
      await truthAndRemoval(env, "running");
    },
    leavesRunning: true,
  }),

  "run, attached": ({ env, image }) => ({
    prepare: async () => ["run", "--name=c", image, ...SAYING],
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

  kill: ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["run", "-d", "--name=c", NO_NETWORK, image, "sleep", "1000"]);
      return ["kill", "c"];
    },
    recover: async () => {
      // Killed, or about to be.
      const again = await env.run(["kill", "c"]);
      if (again.code !== 0 && !again.stderr.includes("is not running")) throw new Error(again.stderr);
      if ((await env.ok(["wait", "c"])) !== "137") throw new Error("not killed");
      await truthAndRemoval(env, "exited");
    },
    leavesRunning: true,
  }),

  attach: ({ env, image }) => ({
    options: { stdin: "line\n" },
    prepare: async () => {
      await env.ok(["run", "-d", "-i", "--name=c", NO_NETWORK, image, "head", "-n", "1"]);
      return ["attach", "c"];
    },
    recover: async (args) => {
      // The line was taken by the one before, or is by this one.
      const again = await env.run(args, { stdin: "line\n" });
      if (again.code !== 0 && !/not running|stopped container/.test(again.stderr)) throw new Error(again.stderr);
      if ((await env.ok(["wait", "c"])) !== "0") throw new Error("it did not end well");
      if ((await env.ok(["logs", "c"])) !== "line") throw new Error("a line was lost");
      await truthAndRemoval(env, "exited");
    },
    leavesRunning: true,
  }),

  "start -a": ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["create", "--name=c", NO_NETWORK, image, ...SAYING]);
      return ["start", "-a", "c"];
    },
    recover: async (args) => {
      await env.run(["wait", "c"]);
      if ((await env.ok(args)) !== "out") throw new Error("start printed something else");
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
