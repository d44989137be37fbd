// bunker system reset: everything goes, whatever state it is in; and prune and reset beside commands at work.

import { describe, expect } from "bun:test";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { busyboxWith, useStage } from "../support/stage.ts";

const NONE = "--network=none";

const stage = useStage();
const { it } = stage;

describe("system reset", () => {
  /** Everything of a store, with a download that was broken off. */
  async function fill(): Promise<void> {
    const { env } = stage;
    await stage.add("busybox", busyboxWith({}));
    await env.ok(["run", "-d", "--name=c", NONE, "-v", "data:/data", "-v", "/more", "busybox", "sleep", "1000"]);
    await env.ok(["create", "--name=idle", NONE, "busybox"]);
    Bun.spawnSync(env.command(["sh", "-c", `mkdir -p ${env.dataHome}/partial; echo > ${env.dataHome}/partial/x`]));
  }

  function left(): string[] {
    const folders = ["blobs/sha256", "containers", "layers/user", "partial", "staging", "trash", "volumes", "run/c"];
    return folders.flatMap((name) => {
      const folder = join(stage.env.dataHome, name);
      return existsSync(folder) ? readdirSync(folder).map((entry) => `${name}/${entry}`) : [];
    });
  }

  async function expectNothing(): Promise<void> {
    const { env } = stage;
    expect(left()).toEqual([]);
    expect(existsSync(join(env.dataHome, "storage"))).toBe(false);
    for (const list of [
      ["ps", "-aq"],
      ["images", "-q"],
      ["volume", "ls", "-q"],
    ])
      expect(await env.ok(list)).toBe("");
  }

  it("removes everything, after a question, and leaves a store that works", async () => {
    const { env } = stage;
    await fill();
    expect(await env.fails(["system", "reset"], 1, { stdin: "n\n" })).toContain("system reset has been canceled");
    expect(await env.ok(["ps", "-q"])).not.toBe("");
    const said = await env.ok(["system", "reset"], { stdin: "y\n" });
    expect(said).toContain("WARNING! This will remove:\n  - all containers, running ones too\n  - all images\n");
    await expectNothing();
    await fill();
    await env.ok(["system", "reset", "-f"]);
    await expectNothing();
  });

  it("does so with a database that is damaged, but not with another program's", async () => {
    const { env } = stage;
    await fill();
    const database = join(env.dataHome, "db.sqlite");
    for (const name of readdirSync(env.dataHome).filter((each) => each.startsWith("db.sqlite-")))
      writeFileSync(join(env.dataHome, name), "");
    writeFileSync(database, Buffer.alloc(statSync(database).size, 7));
    expect(await env.fails(["ps"], 1)).toContain("the database is damaged");
    await env.ok(["system", "reset", "-f"]);
    await expectNothing();
    const other = env.makeDirectory("other");
    const make = `import sqlite3; d = sqlite3.connect("${other}/db.sqlite"); d.execute("PRAGMA application_id = 7"); d.execute("CREATE TABLE t (a)")`;
    Bun.spawnSync(env.command(["python3", "-c", make]));
    expect(await env.fails(["--root", other, "system", "reset", "-f"], 1)).toContain("another program's database");
    expect(existsSync(join(other, "db.sqlite"))).toBe(true);
    await stage.add("busybox", busyboxWith({}));
  });
});

describe("many at once", () => {
  it("prunes take nothing from those who are at work", async () => {
    const { env } = stage;
    await env.ok(["tag", "busybox", "again:2"]);
    const runs = Array.from({ length: 8 }, (_, at) =>
      env.ok(["run", "--rm", NONE, "-v", `/anonymous${at}`, "busybox", "sh", "-c", "sleep 0.2; echo done"]),
    );
    const prunes = Array.from({ length: 4 }, () => env.ok(["system", "prune", "-f", "--volumes"]));
    expect(await Promise.all(runs)).toEqual(runs.map(() => "done"));
    await Promise.all(prunes);
    await env.ok(["rmi", "again:2"]);
    expect(await env.ok(["volume", "ls", "-q"])).toBe("");
  });

  it("a reset ends what is being started, or lets it be, and never half", async () => {
    const { env } = stage;
    await stage.add("busybox", busyboxWith({}));
    const words = ["run", "-d", NONE, "-v", "shared:/data", "--pull=never", "busybox", "sleep", "1000"];
    const runs = Array.from({ length: 6 }, () => env.run(words));
    const resets = [env.run(["system", "reset", "-f"]), env.run(["system", "reset", "-f"])];
    for (const { code, stderr } of await Promise.all([...runs, ...resets])) {
      if (code !== 0) expect(stderr).toMatch(/^bunker: /m);
      expect(stderr).not.toContain("bug in bunker");
    }
    await env.ok(["system", "reset", "-f"]);
    expect(await env.ok(["ps", "-aq"])).toBe("");
    expect(await env.ok(["images", "-q"])).toBe("");
    await stage.add("busybox", busyboxWith({}));
  });
});
