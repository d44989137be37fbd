// A data home that cannot be written: what is in it can be seen, and all else says what is wrong.

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
