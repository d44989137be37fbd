// The sweep finds a command that is not safe to kill, and passes one that is. Shell scripts stand in for the engine.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { TestEnv } from "./environment.ts";
import { requires } from "./guards.ts";
import { choosePoints, countCalls, countStartup, endOfFirst } from "./kill-points.ts";
import { killSweep } from "./kill-sweep.ts";
import { createStore } from "./store-stand-in.ts";

const it = requires("root", "userns", "cgroup2", "strace");

/** An empty store, and a script that writes a file into it. */
async function createEnv(): Promise<TestEnv> {
  const env = await TestEnv.create({ program: "/bin/bash" });
  mkdirSync(env.dataHome, { recursive: true, mode: 0o700 });
  createStore(env.dataHome);
  for (const folder of ["staging", "containers"]) mkdirSync(join(env.dataHome, folder));
  Bun.spawnSync(["chown", "-R", `${env.user.uid}:${env.user.gid}`, env.home]);
  return env;
}

function sweep(env: TestEnv, script: string): Parameters<typeof killSweep>[1] {
  return {
    name: "script",
    prepare: async () => {
      rmSync(join(env.home, "result"), { force: true });
      return ["-c", `cd ${env.dataHome} && ${script}`];
    },
    recover: async (args) => {
      await env.ok(args);
      if (readFileSync(join(env.home, "result"), "utf8") !== "whole\n") throw new Error("the result is not whole");
    },
    points: 15,
  };
}

describe("the kill sweep", () => {
  it("passes a command that stages, renames and tidies up", async () => {
    await using env = await createEnv();
    const safe = `rm -rf staging/*; mkdir staging/1; echo whole > staging/1/x; mv staging/1/x ${env.home}/result; rmdir staging/1`;
    const { hit, tried } = await killSweep(env, sweep(env, safe));
    expect(tried).toBe(15);
    expect(hit).toBeGreaterThan(5);
  }, 60_000);

  it("names the point after which a command cannot recover", async () => {
    await using env = await createEnv();
    // Leaves a container's folder without a row when killed in between, and refuses to run then.
    const unsafe = `mkdir containers/1 && echo whole > ${env.home}/result && rmdir containers/1`;
    await expect(killSweep(env, { ...sweep(env, unsafe), points: 100 })).rejects.toThrow(
      /script, killed at \w+ number \d+ \(BUNKER_TEST_SEED=\d+\)/,
    );
    expect(existsSync(env.host.base)).toBe(true);
  }, 60_000);

  it("lets calls fail instead", async () => {
    await using env = await createEnv();
    // Names the store first, as the engine does: what comes before is the loader's.
    const clean = `{ : < ${env.dataHome} && echo whole > ${env.home}/result; } || { echo bunker: no result >&2; exit 1; }`;
    const { tried } = await killSweep(env, { ...sweep(env, clean), error: "ENOSPC", points: 5 });
    expect(tried).toBeGreaterThan(0);
  }, 60_000);
});

describe("kill points", () => {
  test("begin where the command first speaks of its store, if it does", () => {
    const log =
      '7 openat(AT_FDCWD, "/lib") = 3\n8 openat(1, "/store") = 3\n7 mkdir("/store/x") = 0\n7 openat(1, "y") = 3\n';
    expect([...countStartup(log, "/store")]).toEqual([["openat", 1]]);
    expect([...countStartup(log, "/elsewhere")]).toEqual([]);
  });

  test("come with the command's own end", () => {
    expect(endOfFirst("7 write(1) = 1\n8 +++ exited with 3 +++\n")).toBeNull();
    expect(endOfFirst("7 write(1) = 1\n8 +++ exited with 3 +++\n7 +++ exited with 4 +++\n")).toEqual({
      code: 4,
      signal: null,
    });
    expect(endOfFirst("7 write(1) = 1\n7 +++ killed by SIGSEGV (core dumped) +++\n")).toEqual({
      code: null,
      signal: "SIGSEGV",
    });
  });

  test("are counted for each thread apart", () => {
    const log =
      '7 openat(AT_FDCWD, "a") = 3\n7 openat(AT_FDCWD, "b") = 3\n8 openat(1, "c") = 3\n8 write(1, "x" <unfinished ...>\n';
    expect([...countCalls(log)]).toEqual([
      ["openat", 2],
      ["write", 1],
    ]);
  });

  test("are different ones, and the same for the same seed", () => {
    const calls = new Map([
      ["write", 1000],
      ["rename", 2],
    ]);
    const points = choosePoints(calls, 20, 1);
    expect(new Set(points.map(({ syscall, nth }) => `${syscall} ${nth}`)).size).toBe(20);
    expect(points.filter(({ syscall }) => syscall === "rename").length).toBe(2);
    expect(choosePoints(calls, 20, 1)).toEqual(points);
    expect(choosePoints(calls, 20, 2)).not.toEqual(points);
    expect(choosePoints(new Map([["rename", 2]]), 20, 1).length).toBe(2);
  });
});
