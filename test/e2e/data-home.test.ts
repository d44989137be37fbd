// Data homes where something is wrong with the place: read-only, what is in it can be seen, and all else says what is wrong; noexec, it
// says so.

import { describe, expect } from "bun:test";

import { useStage } from "../support/stage.ts";

const stage = useStage();
const { it } = stage;

function asRoot(...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(stage.env.host.enter(words, "/"));
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr.toString()}`);
}

describe("a data home on a read-only file system", () => {
  it("shows what it has, whatever the last command left in the log, and refuses the rest", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", "--network=none", "busybox", "true"]);
    asRoot("mount", "--bind", env.dataHome, env.dataHome);
    asRoot("mount", "-o", "remount,bind,ro", env.dataHome);
    try {
      expect(await env.ok(["images", "--format", "{{.Repository}}"])).toContain("busybox");
      expect(await env.ok(["ps", "--all", "--format", "{{.Names}} {{.Status}}"])).toBe("c Created");
      expect(await env.ok(["inspect", "--format", "{{.State.Status}}", "c"])).toBe("created");
      const refused: [words: string[], code: number][] = [
        [["run", "--rm", "--network=none", "busybox", "true"], 125],
        [["create", "busybox"], 1],
        [["start", "c"], 1],
        [["rm", "c"], 1],
        [["tag", "busybox", "other"], 1],
        [["rmi", "busybox"], 1],
      ];
      for (const [words, code] of refused) {
        const said = await env.fails(words, code);
        expect(said).toMatch(/EROFS|read-only|cannot be written/);
        expect(said).toContain("--root");
      }
    } finally {
      asRoot("umount", env.dataHome);
    }
    await env.ok(["start", "c"]);
    expect(await env.ok(["wait", "c"])).toBe("0");
  });
});

describe("a data home where nothing can be executed", () => {
  it("is refused, with the way out", async () => {
    const { env } = stage;
    const place = env.makeDirectory("noexec");
    asRoot("mount", "-t", "tmpfs", "-o", `noexec,mode=700,uid=${env.user.uid},gid=${env.user.gid}`, "none", place);
    try {
      for (const words of [
        ["run", "--rm", "--network=none", "hello"],
        ["ps", "-a"],
      ]) {
        const said = await env.run(["--root", place, ...words]);
        expect(said.code).not.toBe(0);
        expect(said.stderr).toContain("hint: ");
        expect(said.stderr).toContain("--root");
        expect(said.stderr).not.toContain("bug");
      }
    } finally {
      asRoot("umount", place);
    }
  });
});
