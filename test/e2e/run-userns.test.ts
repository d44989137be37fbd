// --userns: who is who inside, and that an image is unpacked once for each way of it.

import { describe, expect } from "bun:test";
import { chownSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file } from "../support/tar.ts";

const stage = useStage({
  prepare: async (opened) => {
    const layer = makeLayer([
      directory("home/someone", { uid: 1000, gid: 1000, mode: 0o700 }),
      { ...file("home/someone/mine", "mine\n"), uid: 1000, gid: 1000, mode: 0o600 },
      { ...file("etc/secret", "root's\n"), mode: 0o600 },
      { ...file("bin/passwd-like", "x"), mode: 0o4755 },
    ]);
    const upper = makeLayer([{ ...file("home/someone/more", "more\n"), uid: 33 }, file("etc/.wh.secret", "")]);
    await opened.add("owned", busyboxWith({ User: "33" }, [layer]));
    await opened.add("two", busyboxWith({}, [layer, upper]));
  },
});
const { it } = stage;

function run(...words: string[]): Promise<string> {
  return stage.env.ok(["run", "--rm", "--network=none", ...words]);
}

const OWNERS = "stat -c '%n %u:%g %a' / /etc/secret /home/someone /home/someone/mine /bin/passwd-like";
const EXPECTED =
  "/ 0:0 755\n/etc/secret 0:0 600\n/home/someone 1000:1000 700\n/home/someone/mine 1000:1000 600\n/bin/passwd-like 0:0 4755";

describe("keep-id", () => {
  it("makes the caller himself inside, and the image's files everybody's own", async () => {
    const { env } = stage;
    const { uid, gid } = env.user;
    const shared = join(env.home, "kept");
    mkdirSync(shared);
    chownSync(shared, uid, gid);
    const script = `id -u; id -g; touch /s/new; stat -c %u:%g /s /s/new`;
    expect(await run("--userns=keep-id", "-v", `${shared}:/s`, "busybox", "sh", "-c", script)).toBe(
      `${uid}\n${gid}\n${uid}:${gid}\n${uid}:${gid}`,
    );
    expect(statSync(join(shared, "new")).uid).toBe(uid);
    expect(await run("--userns=keep-id", "--user=0", "owned", "sh", "-c", OWNERS)).toBe(EXPECTED);
    expect(await run("--userns=keep-id", "owned", "sh", "-c", "cat /etc/secret 2>/dev/null || id -u")).toBe(
      String(uid),
    );
    expect(await run("--userns=keep-id", "two", "sh", "-c", "ls /etc/secret 2>/dev/null; stat -c %u / /run /etc")).toBe(
      "0\n0\n0",
    );
    expect(
      await run(
        "--userns=keep-id",
        "--user=root",
        "busybox",
        "sh",
        "-c",
        "touch /x; stat -c %u /x /etc/hosts; chown 7 /x; id -u",
      ),
    ).toBe("0\n0\n0");
  });

  it("can be another one of the container's users", async () => {
    const { env } = stage;
    const home = "--userns=keep-id:uid=1000,gid=1000";
    expect(await run(home, "owned", "sh", "-c", "id -u; cat /home/someone/mine")).toBe("1000\nmine");
    expect(await run(home, "--user=0", "owned", "sh", "-c", OWNERS)).toBe(EXPECTED);
    await env.ok(["run", "-d", "--name=kept", "--network=none", home, "owned", "sleep", "100"]);
    expect(await env.ok(["exec", "kept", "id", "-u"])).toBe("1000");
    expect(await env.ok(["exec", "--user=0", "kept", "sh", "-c", "touch /new; stat -c %u /new"])).toBe("0");
    expect(await env.ok(["inspect", "--format", "{{.HostConfig.UsernsMode}} {{.Config.User}}", "kept"])).toBe(
      "keep-id:uid=1000,gid=1000 1000:1000",
    );
    // Who shares its network shares its ids.
    const sharing = ["run", "--rm", "--network=container:kept", "owned", "sh", "-c", `id -u; ${OWNERS}`];
    expect(await env.ok(["run", "--user=0", ...sharing.slice(1)])).toBe(`0\n${EXPECTED}`);
    await env.ok(["restart", "-t0", "kept"]);
    await env.ok(["rm", "-f", "kept"]);
    expect(lstatSync(join(env.dataHome, "layers")).isDirectory()).toBe(true);
    expect(readdirSync(join(env.dataHome, "layers")).toSorted()).toContain("keep-1000-1000");
  });

  it("fills volumes with everybody's own, and takes U to be the container's user", async () => {
    const { env } = stage;
    const home = "--userns=keep-id:uid=1000,gid=1000";
    const script = "stat -c %u /home/someone /home/someone/mine; touch /home/someone/new; stat -c %u /other";
    expect(await run(home, "-v", "filled:/home/someone", "-v", "given:/other:U", "owned", "sh", "-c", script)).toBe(
      "1000\n1000\n1000",
    );
    await env.ok(["volume", "rm", "filled", "given"]);
  });

  it("holds for cp, into and out of one that runs or rests", async () => {
    const { env } = stage;
    await env.ok([
      "create",
      "--name=kept",
      "--network=none",
      "--userns=keep-id",
      "owned",
      "sh",
      "-c",
      "stat -c %u:%g /etc/in; sleep 100",
    ]);
    await env.ok(["cp", "/etc/hostname", "kept:/etc/in"]);
    await env.ok(["start", "kept"]);
    const inside = (script: string) => env.ok(["exec", "--user=0", "kept", "sh", "-c", script]);
    expect(await inside("stat -c %u:%g /etc/in")).toBe("0:0");
    await env.ok(["cp", "/etc/hostname", "kept:/etc/running"]);
    expect(await inside("stat -c %u:%g /etc/running")).toBe("0:0");
    await inside("touch /mine /sevens; chown 1234:1234 /sevens");
    const tar = (path: string) =>
      Bun.spawnSync(env.command(["sh", "-c", `${env.program} cp kept:${path} - | tar tv --numeric-owner`])).stdout;
    expect(tar("/sevens").toString()).toContain(" 1234/1234 ");
    expect(tar("/mine").toString()).toContain(" 0/0 ");
    await env.ok(["cp", "-a", "kept:/sevens", "kept:/again"]);
    expect(await inside("stat -c %u:%g /again")).toBe("1234:1234");
    await env.ok(["rm", "-f", "kept"]);
  });

  it("goes with its image", async () => {
    const { env } = stage;
    await env.ok(["tag", "owned", "gone"]);
    await env.ok(["rmi", "-f", await env.ok(["images", "-q", "two"])]);
    await env.ok(["rmi", "gone"]);
  });
});

describe("host", () => {
  it("is the user's namespace that all containers are below", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=outer", "--network=none", "--userns=host", "busybox", "sleep", "100"]);
    const space = await env.ok(["exec", "outer", "readlink", "/proc/self/ns/user"]);
    expect(space).not.toBe(readlinkSync("/proc/self/ns/user"));
    expect(
      await run("--userns=host", "busybox", "sh", "-c", "readlink /proc/self/ns/user; id -u; touch /x; stat -c %u /x"),
    ).toBe(`${space}\n0\n0`);
    expect(await run("busybox", "readlink", "/proc/self/ns/user")).not.toBe(space);
    expect(await run("--network=container:outer", "busybox", "readlink", "/proc/self/ns/user")).toBe(space);
    await env.ok(["rm", "-f", "outer"]);
  });
});

it("other modes are refused with the reason", async () => {
  const fails = (mode: string) => stage.env.fails(["run", "--rm", `--userns=${mode}`, "busybox"], 125);
  expect(await fails("auto")).toContain("hint: ");
  expect(await fails("nomap")).toContain("hint: ");
  expect(await fails("foo")).toContain("--userns: invalid USER mode");
  expect(await fails("keep-id:uid=x")).toContain('unknown option specified: "uid=x"');
});
