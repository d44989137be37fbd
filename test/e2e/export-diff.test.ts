// bunker export and diff: a container's own files as an archive, and how they differ from its image's.

import { describe, expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file } from "../support/tar.ts";

const NONE = "--network=none";
const CHANGE =
  "echo new > /data/new; echo more >> /data/given; rm /data/gone; rm -r /data/tree; mkdir -p /made/deep; " +
  "echo x > /made/deep/file; chown 1000:1000 /made/deep/file; echo kept > /vol/kept; echo scratch > /scratch/x";

const stage = useStage({
  prepare: async (opened) => {
    const layer = makeLayer([
      directory("data"),
      file("data/given", "given\n"),
      file("data/gone", "gone\n"),
      directory("data/tree"),
      file("data/tree/leaf", "leaf\n"),
    ]);
    await opened.add("given", busyboxWith({}, [layer]));
  },
});
const { it } = stage;

function changed(...flags: string[]): Promise<string> {
  const mounts = ["-v", "named:/vol", "--tmpfs=/scratch"];
  const script = `${CHANGE}; sleep 1000`;
  return stage.env.ok(["run", "-d", "--name=c", NONE, ...mounts, ...flags, "given", "sh", "-c", script]);
}

async function until(path: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await stage.env.run(["exec", "c", "test", "-e", path])).code === 0) return;
    await Bun.sleep(20);
  }
  throw new Error(`${path} did not come`);
}

/** Names and owners in an archive. */
function listed(archive: string): string[] {
  const { stdout, exitCode, stderr } = Bun.spawnSync(["tar", "--numeric-owner", "-tvf", archive]);
  if (exitCode !== 0) throw new Error(stderr.toString());
  return stdout.toString().trimEnd().split("\n");
}

const EXPECTED = ["A /data/new", "C /data/given", "D /data/gone", "D /data/tree", "A /made/deep", "A /made/deep/file"];

describe("diff", () => {
  it.each([
    ["that runs", "overlay"],
    ["whose root is a copy", "copy"],
  ])("tells what a container %s changed, and nothing of what is mounted there", async (_name, driver) => {
    const { env } = stage;
    const environment = { BUNKER_STORAGE_DRIVER: driver };
    const mounts = ["-v", "named:/vol", "--tmpfs=/scratch"];
    await env.ok(["run", "-d", "--name=c", NONE, ...mounts, "given", "sh", "-c", `${CHANGE}; sleep 1000`], {
      environment,
    });
    await until("/scratch/x");
    const shown = (await env.ok(["diff", "c"])).split("\n");
    expect(shown).toEqual(expect.arrayContaining(["C /data", "A /made", ...EXPECTED]));
    expect(shown.filter((line) => /kept|scratch\/x|passwd|\/bin\//.test(line))).toEqual([]);
    await env.ok(["stop", "-t0", "c"]);
    expect((await env.ok(["diff", "c"])).split("\n")).toEqual(shown);
  });

  it("is empty before the first start, and JSON if asked; a directory of the user's cannot be compared", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=fresh", NONE, "given", "sh", "-c", "echo x > /data/new; rm /data/gone"]);
    expect(await env.ok(["diff", "fresh"])).toBe("");
    expect(JSON.parse(await env.ok(["diff", "--format=json", "fresh"]))).toEqual({});
    await env.ok(["start", "-a", "fresh"]);
    expect(JSON.parse(await env.ok(["diff", "-l", "--format=json"]))).toEqual({
      changed: ["/data"],
      added: ["/data/new"],
      deleted: ["/data/gone"],
    });
    await env.ok(["create", "--name=own", NONE, "--rootfs", env.home, "true"]);
    expect(await env.fails(["diff", "own"], 1)).toContain("has no image");
    expect(await env.fails(["diff", "nope"], 1)).toContain("no such container: nope");
    expect(await env.fails(["diff", "--format=yaml", "fresh"], 125)).toContain("only supported value");
  });
});

describe("diff of a container with a map of its own", () => {
  it("tells nothing of what the engine made for itself", async () => {
    const { env } = stage;
    await env.ok(["run", "--name=c", NONE, "--userns=keep-id", "given", "sh", "-c", "echo x > /tmp/mine"]);
    const shown = (await env.ok(["diff", "c"])).split("\n");
    expect(shown).toContain("A /tmp/mine");
    expect(shown.filter((line) => /host|resolv|proc|sys|dev|containerenv/.test(line))).toEqual([]);
  });
});

describe("export", () => {
  it("has the container's own files with their owners, whether it runs or not, and nothing that is mounted", async () => {
    const { env } = stage;
    await changed();
    await until("/scratch/x");
    const archives = ["running", "stopped"].map((name) => join(env.home, `${name}.tar`));
    const [running = "", stopped = ""] = archives;
    await env.ok(["export", "-o", running, "c"]);
    await env.ok(["stop", "-t0", "c"]);
    await env.ok(["export", "--output", stopped, "c"]);
    for (const archive of archives) {
      const lines = listed(archive);
      const names = lines.map((line) => line.split(/ +/).at(-1) ?? "");
      expect(names).toEqual(expect.arrayContaining(["data/given", "data/new", "made/deep/file", "vol/"]));
      expect(names.filter((name) => /gone|kept|scratch\/x|proc\/.|etc\/hosts\b.*[1-9]/.test(name))).toEqual([]);
      expect(lines.find((line) => line.endsWith("made/deep/file"))).toContain("1000/1000");
      expect(lines.find((line) => line.endsWith("data/given"))).toContain("0/0");
    }
    expect(readdirSync(env.home).filter((name) => name.includes(".part"))).toEqual([]);
  });

  it("goes to a pipe, never to a terminal, and leaves no file where nothing could be exported", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", NONE, "given"]);
    const script = '"$0" export c | tar -xO data/given';
    expect(await env.startOther(["sh", "-c", script, env.program]).result()).toMatchObject({ stdout: "given\n" });
    const terminal = env.terminal(["export", "c"]);
    await terminal.waitFor(/cowardly refusing to save to a terminal/);
    const place = join(env.home, "none.tar");
    expect(await env.fails(["export", "-o", place, "nope"], 1)).toContain("no such container: nope");
    expect(existsSync(place)).toBe(false);
    expect(await env.fails(["export", "-o", "/nowhere/x", "c"], 1)).toContain("no such file or directory");
  });
});
