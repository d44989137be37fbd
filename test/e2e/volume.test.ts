// Named volumes: the volume verbs, -v NAME:/path and --mount, copy-up, and who keeps a volume from going.

import { describe, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file, symlink } from "../support/tar.ts";

const NONE = "--network=none";

const stage = useStage({
  prepare: async (opened) => {
    const files = Array.from({ length: 300 }, (_, at) => file(`data/many/${at}`, `${at}\n`));
    const layer = makeLayer([
      directory("data", { mode: 0o750 }),
      file("data/kept", "from the image\n"),
      directory("data/many"),
      symlink("link", "/../../../../../../etc"),
      ...files,
    ]);
    await opened.add("filled", busyboxWith({}, [layer]));
  },
});
const { it } = stage;

async function run(...words: string[]): Promise<string> {
  return await stage.env.ok(["run", "--rm", NONE, ...words]);
}

async function removeAll(): Promise<void> {
  await stage.env.ok(["volume", "prune", "--all", "--force"]);
}

describe("the volume verbs", () => {
  it("make, list, show and remove", async () => {
    const { env } = stage;
    expect(await env.ok(["volume", "create", "--label", "owner=me", "data"])).toBe("data");
    expect(await env.ok(["volume", "create", "data"])).toBe("data");
    const anonymous = await env.ok(["volume", "create"]);
    expect(anonymous).toMatch(/^[0-9a-f]{64}$/);
    expect(await env.ok(["volume", "ls", "--filter", "name=data"])).toBe("DRIVER    VOLUME NAME\nlocal     data");
    expect(await env.ok(["volume", "ls", "-q", "--filter", "label=owner=me"])).toBe("data");
    expect(await env.ok(["volume", "ls", "--noheading", "--filter", "name=data"])).toBe("local     data");
    expect(await env.ok(["volume", "list", "--format", '{{.Name}} {{.Label "owner"}}', "-f", "name=data"])).toBe(
      "data me",
    );
    const [shown] = JSON.parse(await env.ok(["volume", "inspect", "data"])) as [Record<string, unknown>];
    expect(shown).toMatchObject({
      Name: "data",
      Driver: "local",
      Scope: "local",
      Labels: { owner: "me" },
      Mountpoint: join(env.dataHome, "volumes/data/_data"),
    });
    expect(await env.ok(["inspect", "--format", "{{.Mountpoint}}", "data"])).toBe(String(shown["Mountpoint"]));
    await env.ok(["volume", "exists", "data"]);
    await env.fails(["volume", "exists", "nosuch"], 1);
    const all = await env.ok(["volume", "inspect", "--all", "--format", "{{.Name}}"]);
    expect(all.split("\n").sort()).toEqual(["data", anonymous].sort());
    expect(await env.ok(["inspect", "--type", "all", "--format", "{{.Name}}", "data"])).toBe("data");
    expect(await env.fails(["volume", "rm", "-a", "data"], 1)).toContain("--all cannot be used together with names");
    expect(await env.ok(["volume", "rm", "data", anonymous])).toBe(`data\n${anonymous}`);
    expect(readdirSync(join(env.dataHome, "volumes"))).toEqual([]);
    expect(await env.fails(["volume", "rm", "data"], 1)).toContain("get data: no such volume");
    await env.ok(["volume", "rm", "--force", "data"]);
    for (const name of ["b", "a"]) await env.ok(["volume", "create", `${name}${name}`]);
    expect(await env.ok(["volume", "rm", "--all"])).toBe("aa\nbb");
  });

  it("refuse what is no name, another driver and options that need root", async () => {
    const { env } = stage;
    expect(await env.fails(["volume", "create", "a/b"], 1)).toContain("includes invalid characters");
    expect(await env.fails(["volume", "create", "a"], 1)).toContain("too short");
    expect(await env.fails(["volume", "create", "-d", "nfs", "data"], 1)).toContain('driver "nfs" is not supported');
    expect(await env.fails(["volume", "create", "-o", "type=nfs", "data"], 1)).toContain("needs root");
    expect(await env.ok(["volume", "ls", "-q"])).toBe("");
  });

  it("prune the anonymous ones that nobody uses, or all, after a question", async () => {
    const { env } = stage;
    await env.ok(["volume", "create", "named"]);
    const anonymous = await env.ok(["volume", "create"]);
    await env.ok(["create", "--name=user", NONE, "-v", "used:/x", "-v", "/y", "busybox"]);
    expect(await env.fails(["volume", "prune"], 1, { stdin: "n\n" })).toContain("volume prune has been canceled");
    const said = await env.ok(["volume", "prune"], { stdin: "y\n" });
    expect(said).toContain("WARNING! This will remove anonymous local volumes not used by at least one container.");
    expect(said).toContain(`Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: 0B`);
    expect(await env.ok(["volume", "prune", "-af"])).toBe("Deleted Volumes:\nnamed\n\nTotal reclaimed space: 0B");
    expect((await env.ok(["volume", "ls", "-q"])).split("\n")).toHaveLength(2);
    await env.ok(["rm", "-v", "user"]);
    expect(await env.ok(["volume", "ls", "-q"])).toBe("used");
    await removeAll();
  });
});

describe("a named volume", () => {
  it("is made on demand, outlives its containers, and is shown by inspect and ps", async () => {
    const { env } = stage;
    await run("-v", "store:/s", "busybox", "sh", "-c", "echo kept > /s/file");
    expect(await run("--mount", "type=volume,src=store,dst=/other", "busybox", "cat", "/other/file")).toBe("kept");
    expect(await run("-v", "store:/s:ro", "busybox", "sh", "-c", "echo x > /s/file || cat /s/file")).toContain("kept");
    const id = await env.ok(["create", "--name=c", NONE, "-v", "store:/s", "busybox"]);
    const mounts = await env.ok(["inspect", "--format", "{{range .Mounts}}{{.Type}} {{.Name}} {{.RW}}{{end}}", "c"]);
    expect(mounts).toBe("volume store true");
    expect(await env.ok(["ps", "-a", "--filter", "volume=store", "--format", "{{.Mounts}}"])).toBe("store");
    expect(await env.fails(["volume", "rm", "store"], 1)).toContain(`remove store: volume is in use - [${id}]`);
    await env.ok(["rm", "-v", "c"]);
    expect(await run("-v", "store:/s", "busybox", "cat", "/s/file")).toBe("kept");
    await removeAll();
  });

  it("starts with the image's content, once, and never over data", async () => {
    const { env } = stage;
    expect(
      await run("-v", "full:/data", "filled", "sh", "-c", "stat -c %a /data; cat /data/kept; ls /data/many | wc -l"),
    ).toBe("750\nfrom the image\n300");
    await run("-v", "full:/data", "filled", "rm", "/data/kept");
    expect(await run("-v", "full:/data", "filled", "ls", "/data")).toBe("many");
    expect(await run("-v", "bare:/data:nocopy", "filled", "ls", "/data")).toBe("");
    expect(await run("--mount", "type=volume,src=bare,dst=/data,volume-nocopy", "filled", "ls", "/data")).toBe("");
    expect(readdirSync(join(env.dataHome, "volumes/full")).sort()).toEqual(["_data", "lock"]);
    await removeAll();
  });

  it("is filled once by containers that start together", async () => {
    const counts = await Promise.all(
      Array.from({ length: 8 }, () => run("-v", "shared:/data", "filled", "sh", "-c", "ls /data/many | wc -l")),
    );
    expect(counts).toEqual(Array.from({ length: 8 }, () => "300"));
    await removeAll();
  });

  it("is never half full: what was ready when its filler was killed is moved in by the next", async () => {
    const { env } = stage;
    await env.ok(["volume", "create", "cut"]);
    const home = join(env.dataHome, "volumes/cut");
    const asUser = (script: string) => Bun.spawnSync(env.command(["sh", "-c", `cd ${home} && ${script}`]));
    // Killed while it copied: what is in `fill` counts for nothing.
    asUser("mkdir fill && echo half > fill/half");
    expect(await run("-v", "cut:/data", "filled", "sh", "-c", "ls /data")).toBe("kept\nmany");
    // Killed while it moved: the rest is in `ready`.
    asUser("mkdir ready && echo late > ready/late && echo old > ready/kept");
    expect(await run("-v", "cut:/data", "filled", "sh", "-c", "cat /data/late /data/kept")).toBe(
      "late\nfrom the image",
    );
    expect(existsSync(join(home, "ready"))).toBe(false);
    // Whatever the next one's image has there, and whether or not it wants a copy.
    for (const [at, options] of ["", ":nocopy"].entries()) {
      asUser(`mkdir -m 750 ready && echo > ready/later${at} && chmod 755 _data`);
      expect(
        await run("-v", `cut:/none${options}`, "filled", "sh", "-c", `stat -c %a /none; ls /none/later${at}`),
      ).toBe(`750\n/none/later${at}`);
      expect(existsSync(join(home, "ready"))).toBe(false);
    }
    await removeAll();
  });

  it("can be read-only, and is filled all the same", async () => {
    const words = ["filled", "sh", "-c", "cat /data/kept; touch /data/new"];
    const { env } = stage;
    for (const flags of [
      ["-v", "fixed:/data:ro,z"],
      ["--mount", "source=fixed,target=/data,readonly"],
    ]) {
      const ended = await env.run(["run", "--rm", NONE, ...flags, ...words]);
      expect([ended.stdout.trim(), ended.stderr]).toEqual(["from the image", expect.stringContaining("Read-only")]);
    }
    await removeAll();
  });

  it("of a name that was removed before starts empty, even if its remover was killed", async () => {
    const { env } = stage;
    await run("-v", "twice:/s", "busybox", "touch", "/s/old");
    await env.ok(["volume", "rm", "twice"]);
    expect(await run("-v", "twice:/s", "busybox", "ls", "/s")).toBe("");
    await removeAll();
  });

  it("stays inside whatever links are in its place, in it or below it", async () => {
    const { env } = stage;
    // `/link` leads out of any root that is no root.
    const placed = await run("-v", "inside:/link", "filled", "sh", "-c", "touch /link/here; ls -d /etc/here");
    expect(placed).toBe("/etc/here");
    expect(readdirSync(join(env.dataHome, "volumes/inside/_data"))).toContain("here");
    await run("-v", "links:/s", "busybox", "ln", "-s", "/etc", "/s/out");
    expect(await run("-v", "links:/s", "-v", "below:/s/out/x", "busybox", "sh", "-c", "ls -d /etc/x")).toBe("/etc/x");
    expect(existsSync("/etc/here") || existsSync("/etc/x")).toBe(false);
    await removeAll();
  });
});
