// Many commands at once on one store: none is lost, none sees another's half-made work, nothing is left.

import { afterAll, beforeAll, describe, expect } from "bun:test";

import type { TestEnv } from "../../support/environment.ts";
import { isLong } from "../../support/guards.ts";
import { Invariants } from "../../support/invariants.ts";
import { atWork, it, NO_NETWORK, Source } from "./fixture.ts";

const KILLED = 137;
const CROWD = 100;
const ROUNDS = isLong() ? 50 : 1;
const TIMEOUT_MS = isLong() ? 3_600_000 : 240_000;

let source: Source;
beforeAll(async () => {
  source = await Source.start();
});
afterAll(() => source.stop());

async function atOnce<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  return await Promise.all(Array.from({ length: count }, (_, index) => act(index)));
}

async function nothingLeft(env: TestEnv, watch: Invariants): Promise<void> {
  expect(await env.ok(["ps", "--all", "--quiet"])).toBe("");
  expect(atWork(env)).toEqual([]);
  await watch.check();
}

describe("a hundred at once", () => {
  it(
    "of run --rm: none is lost, each says its own",
    async () => {
      await using env = await source.env();
      for (let round = 0; round < ROUNDS; round += 1) {
        const watch = await Invariants.watch(env);
        const said = await atOnce(CROWD, (index) =>
          env.ok(["run", "--rm", NO_NETWORK, source.image, "sh", "-c", `echo ${index}; exit 0`]),
        );
        expect(said).toEqual(Array.from({ length: CROWD }, (_, index) => String(index)));
        await nothingLeft(env, watch);
      }
    },
    TIMEOUT_MS,
  );

  it(
    "of all verbs about the same few names: each does its work or says why not",
    async () => {
      await using env = await source.env();
      const watch = await Invariants.watch(env);
      const tagged = source.image.replace(":latest", ":crowd");
      const verbs = [
        ["run", "-d", "--name=a", NO_NETWORK, source.image, "sleep", "0.05"],
        ["create", "--name=b", NO_NETWORK, source.image, "true"],
        ["start", "b"],
        ["start", "a"],
        ["stop", "-t0", "a"],
        ["kill", "a"],
        ["rm", "--force", "a"],
        ["rm", "b"],
        ["exec", "a", "true"],
        ["logs", "a"],
        ["inspect", "a"],
        ["ps", "--all"],
        ["images"],
        ["pull", "--quiet", source.image],
        ["tag", source.image, tagged],
        ["rmi", tagged],
        ["rmi", "--force", source.image],
        ["run", "--rm", "--pull=missing", NO_NETWORK, source.image, "true"],
      ];
      for (let round = 0; round < ROUNDS; round += 1) {
        const results = await atOnce(CROWD, (index) => env.run(verbs[index % verbs.length] ?? []));
        for (const { code, signal, stderr } of results) {
          expect({ signal, bug: /[Bb]ug in bunker|panicked|is busy|is locked/.test(stderr) ? stderr : null }).toEqual({
            signal: null,
            bug: null,
          });
          // What exec ran may have been killed with its container, which is its own code.
          if (code !== 0 && code !== KILLED) expect(stderr).not.toBe("");
        }
        await env.run(["rm", "--force", "a", "b"]);
      }
      await env.run(["rmi", tagged]);
      await env.ok(["pull", "--quiet", source.image]);
      expect(await env.ok(["run", "--rm", NO_NETWORK, source.image, "echo", "whole"])).toBe("whole");
      await nothingLeft(env, watch);
    },
    TIMEOUT_MS,
  );
});
