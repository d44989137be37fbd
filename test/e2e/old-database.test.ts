// A data home that an older bunker wrote: the next command brings its database up to date and loses nothing.

import { Database } from "bun:sqlite";
import { describe, expect } from "bun:test";
import { chmodSync, chownSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { APPLICATION_ID } from "../../src/store/open-database.ts";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

/** The same rows in the tables of the first version. */
function takeBack(path: string, uid: number): void {
  const older = `${path}.older`;
  const database = new Database(older);
  database.run("PRAGMA foreign_keys = OFF");
  database.run("PRAGMA journal_mode = WAL");
  database.run(MIGRATIONS[0] ?? "");
  database.run("ATTACH ? AS newer", [path]);
  const tables = database.query<{ name: string }, []>("SELECT name FROM main.sqlite_schema WHERE type = 'table'").all();
  for (const { name } of tables) database.run(`INSERT INTO main.${name} SELECT * FROM newer.${name}`);
  // As then: before there were networks.
  database.run(`UPDATE containers
    SET config = json_remove(json_set(config, '$.request.network', 'default'), '$.request.networks')`);
  database.run("PRAGMA user_version = 1");
  database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.close();
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  renameSync(older, path);
  chownSync(path, uid, uid);
  chmodSync(path, 0o600);
}

describe("a database of the first version", () => {
  it("has its containers, volumes and images after the next command, brings them to the default network, and takes a container without an image", async () => {
    const { env } = stage;
    await env.ok([
      "create",
      "--name=c",
      "-v",
      "kept:/kept",
      "-v",
      "/own",
      "busybox",
      "sh",
      "-c",
      "cat /kept/x; hostname -i",
    ]);
    await env.ok(["run", "--rm", "--network=none", "-v", "kept:/kept", "busybox", "sh", "-c", "echo stored > /kept/x"]);
    const volumes = await env.ok(["volume", "ls", "-q"]);
    takeBack(join(env.dataHome, "db.sqlite"), env.user.uid);
    const listed = await Promise.all([1, 2, 3].map(() => env.ok(["ps", "-a", "--format", "{{.Names}} {{.Image}}"])));
    expect(listed).toEqual(["c busybox", "c busybox", "c busybox"]);
    expect(await env.ok(["volume", "ls", "-q"])).toBe(volumes);
    expect(volumes.split("\n")).toHaveLength(2);
    expect(await env.ok(["start", "-a", "c"])).toMatch(/^stored\n172\.17\./);
    expect(await env.fails(["volume", "rm", "kept"], 1)).toContain("in use");
    const directory = env.makeDirectory("root");
    await env.ok(["create", "--name=d", "--rootfs", directory, "true"]);
    await env.ok(["rm", "-v", "c", "d"]);
    expect(await env.ok(["volume", "ls", "-q"])).toBe("kept");
    await env.ok(["volume", "rm", "kept"]);
  });
});
