// Sweeps over the commands that move content: copies, volumes, and what clears all of it away.

import { chownSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "../../support/environment.ts";
import { NO_NETWORK } from "./fixture.ts";
import { nothingLeft, type Stage, type SweepOf, truthAndRemoval } from "./sweep-stage.ts";

/** More than a pipe holds. */
const CONTENT = `${"content,".repeat(40_000)}\n`;

function plantFile(env: TestEnv): void {
  const path = join(env.home, "file");
  writeFileSync(path, CONTENT);
  chownSync(path, env.user.uid, env.user.gid);
}

/** Into a container that runs, perhaps over what is there. */
function copyOver(env: TestEnv, { image, target, driver }: { image: string; target: string; driver: string }): SweepOf {
  const place = target.slice(0, target.lastIndexOf("/"));
  return {
    prepare: async () => {
      const options = { environment: { BUNKER_STORAGE_DRIVER: driver } };
      await env.ok(
        ["run", "-d", "--name=c", NO_NETWORK, image, "sh", "-c", `cat ${target} > /before; sleep 1000`],
        options,
      );
      plantFile(env);
      return ["cp", "file", `c:${target}`];
    },
    recover: async (args) => {
      // As it was, or whole; never half.
      const seen = await env.run(["exec", "c", "sh", "-c", `cmp -s ${target} /before || cat ${target}`]);
      if (seen.code === 0 && seen.stdout !== "" && seen.stdout !== CONTENT) {
        throw new Error(`half a file: ${seen.stdout.length} bytes`);
      }
      await env.ok(args);
      if ((await env.ok(["exec", "c", "cat", target])) !== CONTENT.trimEnd()) throw new Error("not copied");
      noLeftovers(await env.ok(["exec", "c", "ls", "-a", place]));
      await truthAndRemoval(env, "running");
    },
    leavesRunning: true,
  };
}

/** What a killed `cp` was about to name is removed by the next one in its directory. */
function noLeftovers(listing: string): void {
  if (listing.includes(".bunker-cp-")) throw new Error(`left over: ${listing}`);
}

export const CONTENT_SWEEPS: Record<string, (stage: Stage) => SweepOf> = {
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

  "cp into a running container": ({ env, image }) => copyOver(env, { image, target: "/etc/motd", driver: "" }),

  "cp over a file of a running container": ({ env, image }) =>
    copyOver(env, { image, target: "/etc/passwd", driver: "" }),

  "cp where files cannot be made without a name": ({ env, image }) =>
    copyOver(env, { image, target: "/etc/passwd", driver: "fuse-overlayfs" }),

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
      noLeftovers(Bun.spawnSync(env.command(["ls", "-a", "out", "."])).stdout.toString());
      Bun.spawnSync(env.command(["rm", "-rf", "out"]));
      await truthAndRemoval(env, "created");
    },
  }),

  "cp between containers": ({ env, image }) => ({
    prepare: async () => {
      await env.ok(["create", "--name=c", NO_NETWORK, "-v", "/data", image, "cat", "/data/passwd"]);
      await env.ok(["run", "-d", "--name=other", NO_NETWORK, image, "sleep", "1000"]);
      return ["cp", "other:/etc/passwd", "c:/data/"];
    },
    recover: async (args) => {
      await env.ok(args);
      if (!(await env.ok(["start", "-a", "c"])).startsWith("root:")) throw new Error("not copied");
      await env.ok(["rm", "--force", "other"]);
      await truthAndRemoval(env, "exited");
    },
    leavesRunning: true,
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

  "volume prune": ({ env }) => ({
    prepare: async () => {
      for (const name of ["one", "two"]) await env.ok(["volume", "create", name]);
      return ["volume", "prune", "--all", "--force"];
    },
    recover: async (args) => {
      await env.ok(args);
      if ((await env.ok(["volume", "ls", "-q"])) !== "") throw new Error("a volume is left");
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
};
