// --userns auto: leases of ids among many commands at once, and after commands that were killed.

import { Database } from "bun:sqlite";
import { describe, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { makeImage, makeLayer } from "../support/image.ts";
import { useStage } from "../support/stage.ts";
import { file } from "../support/tar.ts";

const stage = useStage({
  prepare: (opened) => opened.add("tiny", makeImage({ layers: [makeLayer([file("x", "x")])], run: { Cmd: ["/x"] } })),
});
const { it } = stage;

/** All there are in a usual range of subordinate ids. */
const ALL = 64;
const AT_ONCE = 32;

function leases(): { first: number; size: number }[] {
  const database = new Database(join(stage.env.dataHome, "db.sqlite"), { readonly: true });
  try {
    return database
      .query<{ first: number; size: number }, []>("SELECT first, size FROM id_leases ORDER BY first")
      .all();
  } finally {
    database.close();
  }
}

describe("leases", () => {
  it("never meet, however many are taken at once, and are free when their containers are gone", async () => {
    const { env } = stage;
    const create = () => env.ok(["create", "--network=none", "--userns=auto", "tiny"]);
    const ids: string[] = [];
    while (ids.length < ALL) ids.push(...(await Promise.all(Array.from({ length: AT_ONCE }, create))));
    const wanted = Array.from({ length: ALL }, (_, at) => ({ first: 1 + at * 1024, size: 1024 }));
    expect(leases()).toEqual(wanted);
    const maps = await env.ok(["inspect", "--format", "{{.HostConfig.IDMappings.UidMap}}", ...ids]);
    expect(new Set(maps.split("\n")).size).toBe(ALL);
    expect(await env.fails(["create", "--userns=auto", "tiny"], 1)).toContain(
      "not enough unused IDs in user namespace",
    );
    await env.ok(["rm", ...ids]);
    expect(leases()).toEqual([]);
    // Nobody has those ids any more, and so nobody needs the layers.
    await env.ok(["image", "prune", "-f"]);
    const copies = readdirSync(join(env.dataHome, "layers")).filter((name) => name.startsWith("ids-"));
    expect(copies.flatMap((name) => readdirSync(join(env.dataHome, "layers", name)))).toEqual([]);
    await env.ok(["create", "--name=again", "--network=none", "--userns=auto", "tiny"]);
    expect(leases()).toEqual(wanted.slice(0, 1));
  });

  it("of a killed command end with the next one", async () => {
    const { env } = stage;
    for (const pause of [40, 80, 120, 160, 200, 240]) {
      const child = Bun.spawn(env.command([env.program, "create", "--network=none", "--userns=auto:size=99", "tiny"]), {
        stdout: "ignore",
        stderr: "ignore",
      });
      await Bun.sleep(pause);
      child.kill("SIGKILL");
      await child.exited;
    }
    const left = (await env.ok(["ps", "-aq"])).split("\n").filter(Boolean);
    expect(leases().length).toBe(left.length);
    if (left.length > 0) await env.ok(["rm", ...left]);
    expect(leases()).toEqual([]);
  });
});
