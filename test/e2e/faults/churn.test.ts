// Many containers: at once, and one after another. All of them run, none is forgotten, and afterwards all is as it was: rows,
// files, processes, mounts, groups, and the size of what stays.

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "../../support/environment.ts";
import { isLong } from "../../support/guards.ts";
import { Invariants } from "../../support/invariants.ts";
import { atWork, it, keepersOf, NO_NETWORK, Source } from "./fixture.ts";

const DETACHED = isLong() ? 300 : 40;
const CYCLES = isLong() ? 2000 : 60;
/** Containers at work at the same time while there are cycles. */
const SIDE_BY_SIDE = 4;
const TIMEOUT_MS = isLong() ? 3_600_000 : 120_000;

let source: Source;
beforeAll(async () => {
  source = await Source.start();
});
afterAll(() => source.stop());

async function nothingLeft(env: TestEnv, watch: Invariants): Promise<void> {
  expect(await env.ok(["ps", "--all", "--quiet"])).toBe("");
  expect(atWork(env)).toEqual([]);
  expect(keepersOf(env)).toEqual([]);
  await watch.check();
}

/** A worker that is locked in cannot take itself out of the register: whoever comes next does. */
const REGISTER = /^run\/u\//;

/** Names in the data home, and pages of the database that are in use. */
function sizeOf(env: TestEnv): { names: number; pages: number } {
  const all = readdirSync(env.dataHome, { recursive: true, encoding: "utf8" });
  const names = all.filter((name) => !REGISTER.test(name)).length;
  using database = new Database(join(env.dataHome, "db.sqlite"), { readonly: true });
  const pragma = (name: string) =>
    Object.values(database.query(`PRAGMA ${name}`).get() as Record<string, number>)[0] ?? 0;
  return { names, pages: pragma("page_count") - pragma("freelist_count") };
}

describe("many containers", () => {
  it(
    `${DETACHED} started at once all run, each with its own log, and all can be removed at once`,
    async () => {
      await using env = await source.env();
      const watch = await Invariants.watch(env);
      const indices = Array.from({ length: DETACHED }, (_, index) => index);
      const script = (index: number) => ["sh", "-c", `echo ${index}; exec sleep 1000`];
      const ids = await Promise.all(
        indices.map((index) => env.ok(["run", "-d", `--name=c${index}`, NO_NETWORK, source.image, ...script(index)])),
      );
      expect(new Set(ids).size).toBe(DETACHED);
      expect((await env.ok(["ps", "--quiet", "--no-trunc"])).split("\n").toSorted()).toEqual(ids.toSorted());
      expect(keepersOf(env).length).toBe(DETACHED);
      for (const index of indices) expect(await env.ok(["logs", `c${index}`])).toBe(String(index));
      await env.ok(["rm", "--force", ...ids]);
      await nothingLeft(env, watch);
    },
    TIMEOUT_MS,
  );

  it(
    `${CYCLES} run and removed leave the store as large as it was`,
    async () => {
      await using env = await source.env();
      const watch = await Invariants.watch(env);
      const cycle = async (count: number): Promise<void> => {
        for (let done = 0; done < count; done += 1) {
          const id = await env.ok(["run", "-d", "-v", "/anonymous", NO_NETWORK, source.image, "sh", "-c", "exit 3"]);
          expect(await env.ok(["wait", id])).toBe("3");
          await env.ok(["rm", "--volumes", id]);
        }
      };
      const all = (count: number) => Promise.all(Array.from({ length: SIDE_BY_SIDE }, () => cycle(count)));
      await all(2);
      await nothingLeft(env, watch);
      const before = sizeOf(env);
      await all(Math.ceil(CYCLES / SIDE_BY_SIDE));
      await nothingLeft(env, watch);
      expect(sizeOf(env)).toEqual(before);
    },
    TIMEOUT_MS,
  );
});
