// Containers whose root fuse-overlayfs shows: chosen where the kernel mounts no overlay, and what a kill of the program, or of the
// keeper beside it, leaves.

import { describe, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { commandLine, processesOf } from "../support/host-state.ts";
import { until } from "../support/private-host.ts";
import type { TestEnv } from "../support/environment.ts";
import { makeLayer } from "../support/image.ts";
import { startRegistry } from "../support/registry.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { file, opaque, whiteout } from "../support/tar.ts";
import { isAlive, kill, killKeeper, stateOf } from "./faults/fixture.ts";

const NONE = "--network=none";
const FUSE = { environment: { BUNKER_STORAGE_DRIVER: "fuse-overlayfs" } };
const PATIENCE_MS = 10_000;

const stage = useStage({ needs: ["fuse-overlayfs"] });
const { it } = stage;

function serversOf(env: TestEnv): number[] {
  return processesOf(env).filter((pid) => commandLine(pid)[0]?.endsWith("/fuse-overlayfs") === true && isAlive(pid));
}

/** A container that runs under fuse-overlayfs. */
async function sleeper(env: TestEnv): Promise<{ id: string; server: number }> {
  const id = await env.ok(["run", "-d", "--name=c", NONE, "busybox", "sleep", "1000"], FUSE);
  return { id, server: stateOf(env, id).rootHelper?.pid ?? 0 };
}

describe("a host whose kernel mounts no overlay", () => {
  it("gives containers one of fuse-overlayfs', and says why", async () => {
    const { env } = stage;
    // On an overlay there is no room for the upper of another one.
    const place = env.makeDirectory("outer");
    const asRoot = (...words: string[]): void => {
      const { exitCode, stderr } = Bun.spawnSync(env.host.enter(words, place));
      if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr.toString()}`);
    };
    for (const name of ["lower", "upper", "work", "home"]) asRoot("mkdir", name);
    asRoot("chown", `${env.user.uid}:${env.user.gid}`, "lower", "upper");
    asRoot("mount", "-t", "overlay", "-o", "lowerdir=lower,upperdir=upper,workdir=work,userxattr", "outer", "home");
    asRoot("chmod", "700", "home");
    const inner = ["--root", join(place, "home")];
    try {
      expect(await env.ok([...inner, "run", "--rm", NONE, "hello"])).toContain("Hello");
      expect(await env.ok([...inner, "info", "--format", "{{.Driver}}"])).toBe("fuse-overlayfs");
      expect(await env.ok([...inner, "info"])).toMatch(/storage: +fuse-overlayfs \(.*overlay/);
      const removed = makeLayer([whiteout("etc/group"), opaque("tmp"), file("tmp/own", "own\n")]);
      using registry = startRegistry();
      const image = registry.push("removed", "latest", await busyboxWith({}, [removed]));
      const script = "ls /etc/group 2>&1; ls -A /tmp; rm -r /bin/../etc/passwd; ls /etc/passwd 2>&1 || true";
      for (const driver of ["fuse-overlayfs", "copy"]) {
        const options = { environment: { BUNKER_STORAGE_DRIVER: driver } };
        expect(await env.ok([...inner, "run", "--rm", NONE, image, "sh", "-c", script], options)).toMatch(
          /^ls: .*\nown\nls: .*$/,
        );
      }
    } finally {
      await env.host.unmount(join(place, "home"));
    }
  });

  it("makes copies where there is no device, and tries again when doctor is asked", async () => {
    const { env } = stage;
    const finding = join(env.dataHome, "storage");
    await env.ok(["run", "--rm", NONE, "busybox", "true"]);
    const before = readFileSync(finding, "utf8");
    writeFileSync(finding, "copy: somebody said so; fuse-overlayfs is not installed\n");
    try {
      expect(await env.ok(["info", "--format", "{{.Driver}}"])).toBe("copy");
      await env.run(["doctor"]);
      expect(await env.ok(["info", "--format", "{{.Driver}}"])).toBe("overlay");
    } finally {
      writeFileSync(finding, before);
    }
  });
});

describe("the program that shows a root", () => {
  it("ends with its container, however that ends", async () => {
    const { env } = stage;
    for (const end of [
      ["stop", "-t0", "c"],
      ["kill", "c"],
      ["rm", "-f", "c"],
    ]) {
      const { server } = await sleeper(env);
      expect(serversOf(env)).toEqual([server]);
      await env.ok(end);
      expect(await until(() => !isAlive(server), PATIENCE_MS)).toBe(true);
      await env.run(["rm", "-f", "c"]);
    }
    await env.ok(["run", "--rm", NONE, "busybox", "true"], FUSE);
    expect(await until(() => serversOf(env).length === 0, PATIENCE_MS)).toBe(true);
  });

  it("is seen by nobody in the container, and has no power to mount", async () => {
    const { env } = stage;
    const { id, server } = await sleeper(env);
    expect(await env.ok(["top", "c"])).not.toContain("fuse-overlayfs");
    expect(await env.ok(["exec", "c", "ps"])).not.toContain("fuse-overlayfs");
    const status = readFileSync(`/proc/${server}/status`, "utf8");
    const [, effective] = /^CapEff:\t(\w+)$/m.exec(status) ?? [];
    // chown, dac_override, dac_read_search, fowner, fsetid, setfcap (capabilities(7)).
    expect(effective).toBe("000000008000001f");
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(stateOf(env, id).rootHelper?.pid).toBe(server);
  });

  it("killed: what was written stays, stop, rm and the next start work", async () => {
    const { env } = stage;
    const { server } = await sleeper(env);
    await env.ok(["exec", "c", "sh", "-c", "echo kept > /mark; rm /etc/group"]);
    await kill(server);
    const failed = await env.run(["exec", "c", "cat", "/mark"]);
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).not.toContain("bug");
    expect(await env.ok(["ps", "--format", "{{.Names}}"])).toBe("c");
    expect((await env.run(["cp", "c:/mark", join(env.home, "mark")])).stderr).not.toContain("bug");
    await env.ok(["stop", "-t0", "c"]);
    await env.ok(["start", "c"]);
    expect(await env.ok(["exec", "c", "sh", "-c", "cat /mark; ls /etc/group 2>&1 || true"])).toContain("kept\nls: ");
    await kill(serversOf(env)[0] ?? 0);
    await env.ok(["rm", "-f", "c"]);
  });

  it("is found again by the next keeper, and ends with the container", async () => {
    const { env } = stage;
    const { id, server } = await sleeper(env);
    await killKeeper(env, id);
    expect(await env.ok(["exec", "c", "sh", "-c", "echo more > /mark; cat /mark"])).toBe("more");
    expect(serversOf(env)).toEqual([server]);
    await env.ok(["stop", "-t0", "c"]);
    expect(await until(() => !isAlive(server), PATIENCE_MS)).toBe(true);
    expect(await env.ok(["start", "c"])).toBe("c");
    expect(await env.ok(["exec", "c", "cat", "/mark"])).toBe("more");
  });

  it("ends when both its keeper and its container were killed", async () => {
    const { env } = stage;
    const { id, server } = await sleeper(env);
    const { pid } = await killKeeper(env, id);
    await kill(pid);
    expect(await until(() => !isAlive(server), PATIENCE_MS)).toBe(true);
    await env.ok(["rm", "c"]);
  });

  it("that is not installed is asked for by name, and a copy is the way out", async () => {
    const { env } = stage;
    await env.ok(["run", "--name=c", NONE, "busybox", "sh", "-c", "echo kept > /mark; rm /etc/group"], FUSE);
    const hidden = "/usr/bin/fuse-overlayfs";
    const asRoot = (...words: string[]): void => {
      expect(Bun.spawnSync(env.host.enter(words, "/")).exitCode).toBe(0);
    };
    const nothing = join(env.home, "not-executable");
    writeFileSync(nothing, "");
    asRoot("mount", "--bind", nothing, hidden);
    try {
      const said = await env.fails(["start", "c"], 1);
      expect(said).toContain("fuse-overlayfs is not installed");
      expect(said).toContain("BUNKER_STORAGE_DRIVER=copy");
      const copy = { environment: { BUNKER_STORAGE_DRIVER: "copy" } };
      await env.ok(["start", "c"], copy);
      expect(await env.ok(["inspect", "--format", "{{.Driver}}", "c"])).toBe("copy");
      const place = join(env.home, "mark-of-copy");
      await env.ok(["cp", "c:/mark", place]);
      expect(existsSync(place)).toBe(true);
      await env.fails(["cp", "c:/etc/group", place], 1);
    } finally {
      asRoot("umount", hidden);
    }
  });
});
