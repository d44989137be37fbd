// Data homes where something is wrong with the place: read-only, what is in it can be seen, and all else says what is wrong; noexec, it
// says so; of several machines, it is refused.

import { describe, expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { until } from "../support/private-host.ts";
import { useStage } from "../support/stage.ts";

const stage = useStage({ needs: ["fuse-overlayfs"] });
const { it } = stage;

const PATIENCE_MS = 10_000;

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

describe("a data home on a file system of several machines", () => {
  it("is refused before anything is made, by the commands and by doctor", async () => {
    const { env } = stage;
    const base = env.makeDirectory("shared");
    const place = join(base, "mounted");
    // As sshfs would mount it; what serves it is at hand.
    const script = `
      cd ${base}; mkdir lower upper work mounted; chown ${env.user.uid}:${env.user.gid} upper lower; chmod 700 upper
      exec 3<>/dev/fuse
      mount -i -t fuse.sshfs -o fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions ada@far: mounted
      exec fuse-overlayfs -f -o lowerdir=lower,upperdir=upper,workdir=work /dev/fd/3`;
    const server = Bun.spawn(env.host.enter(["sh", "-ec", script], "/"), { stderr: "ignore", stdout: "ignore" });
    try {
      const isMounted = (): boolean =>
        readFileSync(`/proc/${env.host.pid}/mountinfo`, "utf8").includes(`${place} `) &&
        Bun.spawnSync(env.command(["stat", place])).exitCode === 0;
      expect(await until(isMounted, PATIENCE_MS)).toBe(true);
      for (const words of [["ps", "-a"], ["run", "--rm", "--network=none", "hello"], ["images"]]) {
        const said = await env.run(["--root", place, ...words]);
        expect(said.code).not.toBe(0);
        expect(said.stderr).toContain(`"${place}" is on fuse.sshfs, which keeps neither a database nor layers safely`);
        expect(said.stderr).toContain("with --root");
      }
      const doctor = await env.run(["--root", place, "doctor"]);
      expect(doctor.code).not.toBe(0);
      expect(doctor.stdout).toMatch(/data home +fuse.sshfs shares files between machines/);
      expect(existsSync(join(base, "upper/db.sqlite"))).toBe(false);
    } finally {
      await env.host.unmount(place);
      await server.exited;
    }
  });
});
