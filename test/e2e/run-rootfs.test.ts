// A directory of the user's instead of an image: run and create --rootfs, and every verb on what comes of it.

import { describe, expect } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { useStage } from "../support/stage.ts";

const NONE = "--network=none";
let directory = "";

const stage = useStage({
  prepare: async ({ env }) => {
    directory = env.makeDirectory("rootfs");
    await env.ok(["create", "--name=source", NONE, "busybox"]);
    await env.ok(["cp", "source:/.", directory]);
    await env.ok(["rm", "source"]);
  },
});
const { it } = stage;

function run(...words: string[]): Promise<string> {
  return stage.env.ok(["run", "--rm", NONE, "--rootfs", ...words]);
}

describe("a container made from a directory", () => {
  it("runs in it and writes to it; the directory is the user's as before when it has gone", async () => {
    expect(await run(directory, "sh", "-c", "id -u; echo made > /made; cat /made")).toBe("0\nmade");
    expect(readFileSync(join(directory, "made"), "utf8")).toBe("made\n");
    expect(lstatSync(join(directory, "made")).uid).toBe(stage.env.user.uid);
    expect(await stage.env.ok(["ps", "-aq"])).toBe("");
    expect(existsSync(join(directory, "bin/busybox"))).toBe(true);
  });

  it("is found from where the command runs, and has the usual files and no image's environment", async () => {
    const { env } = stage;
    const words = ["run", "--rm", NONE, "--hostname=here", "--rootfs", "rootfs", "sh", "-c"];
    const shown = await env.ok([...words, "hostname; cat /etc/hostname; echo $PATH; cat /run/.containerenv"], {
      cwd: env.host.base,
    });
    const [hostname, file, path, ...containerenv] = shown.split("\n");
    expect([hostname, file]).toEqual(["here", "here"]);
    expect(path).toBe("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    expect(containerenv).toContain('imageid=""');
  });

  it("is listed, inspected, started again, copied from, gone into, measured, pruned", async () => {
    const { env } = stage;
    const id = await env.ok(["create", "--name=c", NONE, "--rootfs", directory, "sh", "-c", "sleep 100 & wait"]);
    expect(await env.ok(["inspect", "-f", "{{.Image}}|{{.Config.Image}}|{{.Rootfs}}", "c"])).toBe(`||${directory}`);
    expect(await env.ok(["ps", "-a", "--format", "{{.Names}} {{.Image}}"])).toBe("c <no image>");
    expect(await env.ok(["ps", "-aq", "--no-trunc", "--filter", "ancestor=busybox"])).toBe("");
    await env.ok(["cp", "c:/bin/busybox", join(env.home, "copy")]);
    writeFileSync(join(env.host.base, "brought"), "brought\n");
    await env.ok(["cp", join(env.host.base, "brought"), "c:/brought"]);
    expect(readFileSync(join(directory, "brought"), "utf8")).toBe("brought\n");
    await env.ok(["start", "c"]);
    expect(await env.ok(["exec", "c", "cat", "/brought"])).toBe("brought");
    await env.ok(["restart", "-t", "0", "c"]);
    expect(await env.ok(["exec", "c", "cat", "/brought"])).toBe("brought");
    await env.ok(["stop", "-t", "0", "c"]);
    expect(await env.ok(["ps", "-as", "--format", "{{.Size}}"])).toMatch(/^\d.*B \(virtual \d.*B\)$/);
    expect(await env.ok(["system", "df", "-v"])).toContain("<no image>");
    expect(await env.ok(["container", "prune", "-f"])).toContain(id);
    expect(readdirSync(directory)).toContain("brought");
  });

  it("is not written to with --read-only, nor with :O, which keeps what is written until the container goes", async () => {
    const { env } = stage;
    const before = readdirSync(directory).sort();
    const [words, script] = [["--name=o", NONE, "--rootfs"], "echo x >> /new; cat /new; rm -f /bin/sh"];
    expect(await env.ok(["run", ...words, `${directory}:O`, "/bin/busybox", "sh", "-c", script])).toBe("x");
    await env.ok(["start", "-a", "o"]);
    await env.ok(["cp", "o:/new", join(env.home, "new")]);
    expect(readFileSync(join(env.home, "new"), "utf8")).toBe("x\nx\n");
    await env.ok(["rm", "o"]);
    const refused = await env.run(["run", "--rm", NONE, "--read-only", "--rootfs", directory, "touch", "/there"]);
    expect(refused.stderr).toContain("Read-only file system");
    expect(readdirSync(directory).sort()).toEqual(before);
  });

  it("needs a directory and a command; a container whose directory has gone can be removed", async () => {
    const { env } = stage;
    const wrong: [word: string, says: string][] = [
      ["/nowhere", "stat /nowhere: no such file or directory"],
      ["/etc/passwd", '"/etc/passwd" is not a directory'],
      [`${directory}:Z`, `stat ${directory}:Z: no such file or directory`],
      [`${directory}:idmap`, "idmap is not supported"],
      [`${directory}:O,idmap=uids=0-1-1`, "idmap is not supported"],
    ];
    for (const [word, says] of wrong) {
      expect(await env.fails(["run", "--rm", NONE, "--rootfs", word, "true"], 125)).toContain(says);
    }
    expect(await env.fails(["create", "--rootfs", directory], 1)).toContain("no command specified");
    const passing = env.makeDirectory("passing");
    await env.ok(["create", "--name=gone", NONE, "--rootfs", passing, "true"]);
    rmdirSync(passing);
    expect(await env.fails(["start", "gone"], 1)).toContain(passing);
    await env.ok(["rm", "gone"]);
    expect(await env.ok(["ps", "-aq"])).toBe("");
  });

  it("follows no link of the directory's out of it", async () => {
    const { env } = stage;
    const hostile = env.makeDirectory("hostile");
    for (const name of ["proc", "sys", "dev", "etc", "run", "tmp", "w"]) {
      await env.startOther(["ln", "-s", stage.canary.root, join(hostile, name)]).result();
    }
    await env.startOther(["cp", join(directory, "bin/busybox"), join(hostile, "sh")]).result();
    await env.run(["run", "--rm", NONE, "-w", "/w/x", "--rootfs", hostile, "/sh", "-c", "echo > /tmp/x"]);
    await env.run(["run", "--rm", NONE, "-w", "/w/x", "--rootfs", `${hostile}:O`, "/sh", "-c", "echo > /tmp/x"]);
  });
});
