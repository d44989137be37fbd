// Verbs for many containers at once: all, the latest, those that suit, those in files.

import { describe, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage();
const { it } = stage;

const names = async (...words: string[]) =>
  (await stage.env.ok(["ps", "--format", "{{.Names}}", ...words])).split("\n").filter(Boolean).sort();

describe("a verb for many containers", () => {
  it("acts on all that it can act on", async () => {
    const { env } = stage;
    for (const name of ["a", "b"]) await env.ok(["run", "-d", `--name=${name}`, NONE, "busybox", "sleep", "1000"]);
    await env.ok(["create", "--name=c", NONE, "busybox"]);
    expect((await env.ok(["stop", "--all", "-t", "0"])).split("\n")).toHaveLength(2);
    expect(await names()).toEqual([]);
    await env.ok(["restart", "--filter", "name=a"]);
    expect(await names()).toEqual(["a"]);
    expect((await env.ok(["kill", "-a"])).split("\n")).toHaveLength(1);
    await env.ok(["wait", "a"]);
    await env.ok(["restart", "b"]);
    expect((await env.ok(["rm", "--all"])).split("\n")).toHaveLength(2);
    expect(await names("-a")).toEqual(["b"]);
    expect((await env.ok(["rm", "--all", "--force", "--time", "0"])).split("\n")).toHaveLength(1);
    expect(await env.ok(["stop", "--all"])).toBe("");
  });

  it("acts on the latest, on those that suit, and on those in files", async () => {
    const { env } = stage;
    const file = join(env.makeDirectory("files"), "id");
    for (const name of ["a", "b", "c"])
      await env.ok(["create", `--name=${name}`, "--label", `l=${name}`, NONE, "busybox"]);
    const latest = await env.ok(["inspect", "-f", "{{.Id}}", "c"]);
    expect(await env.ok(["rm", "--latest"])).toBe(latest);
    await env.ok(["rm", "--filter", "label=l=b"]);
    expect(await names("-a")).toEqual(["a"]);
    writeFileSync(file, `${await env.ok(["inspect", "-f", "{{.Id}}", "a"])}\n`);
    await env.ok(["rm", "--cidfile", file]);
    expect(await names("-a")).toEqual([]);
  });

  it("is refused when it names and chooses at once, or does neither", async () => {
    const { env } = stage;
    expect(await env.fails(["stop"], 1)).toContain("'bunker stop' requires at least 1 argument");
    expect(await env.fails(["rm", "-a", "x"], 1)).toContain("cannot be used together with names");
    expect(await env.fails(["kill", "-a", "-l"], 1)).toContain("--latest cannot be used together with --all");
    expect(await env.fails(["rm", "--cidfile", "/no/such/file"], 1)).toContain("/no/such/file");
    await env.ok(["rm", "--ignore", "nosuch"]);
    expect(await env.fails(["rm", "nosuch"], 1)).toContain("no such container: nosuch");
  });
});
