// --userns: who is who inside, and that an image is unpacked once for each way of it.

import { describe, expect } from "bun:test";
import { chownSync, lstatSync, mkdirSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file } from "../support/tar.ts";
import { killKeeper } from "./faults/fixture.ts";

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
    const sharing = ["run", "--rm", "--network=container:outer", "busybox"];
    expect(await env.ok([...sharing, "readlink", "/proc/self/ns/user"])).toBe(space);
    await env.ok(["rm", "-f", "outer"]);
  });
});

const MAPS = "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' ' | sed 's/^ //'";

describe("nomap", () => {
  it("is a container in which the caller is nobody, and everything else works", async () => {
    const { env } = stage;
    const mode = "--userns=nomap";
    expect(await run(mode, "--user=0", "owned", "sh", "-c", OWNERS)).toBe(EXPECTED);
    expect(
      await run(
        mode,
        "busybox",
        "sh",
        "-c",
        "touch /x; stat -c %u:%g /x /etc/hosts /dev/shm /run; id -u; echo y >>/etc/hosts",
      ),
    ).toBe("0:0\n0:0\n0:0\n0:0\n0");
    const shared = join(env.home, "hidden");
    mkdirSync(shared, { mode: 0o755 });
    chownSync(shared, env.user.uid, env.user.gid);
    expect(
      await run(mode, "-v", `${shared}:/s`, "busybox", "sh", "-c", "stat -c %u /s; touch /s/x 2>/dev/null || echo no"),
    ).toBe("65534\nno");
    expect(
      await run(mode, "-v", `${shared}:/s:U`, "--user=7", "busybox", "sh", "-c", "stat -c %u /s; touch /s/x"),
    ).toBe("7");
    const owner = statSync(join(shared, "x")).uid;
    expect(owner).not.toBe(env.user.uid);
    expect(owner).not.toBe(7);
  });

  it("has volumes, images as mounts, other users, terminals and exec", async () => {
    const { env } = stage;
    const mode = "--userns=nomap";
    const script = "stat -c %u /home/someone /home/someone/mine /v; echo x >/v/x; echo out >/dev/stdout";
    expect(await run(mode, "-v", "nomapped:/home/someone", "-v", "/v", "--user=0", "owned", "sh", "-c", script)).toBe(
      "1000\n1000\n0\nout",
    );
    expect(
      await run(mode, "--user=1000", "-v", "nomapped:/v", "busybox", "sh", "-c", "cat /v/mine; echo new >/dev/stdout"),
    ).toBe("mine\nnew");
    await env.ok(["volume", "rm", "nomapped"]);
    const image = "type=image,source=owned,target=/i,rw=true";
    expect(
      await run(mode, "--mount", image, "busybox", "sh", "-c", "touch /i/x; stat -c %u /i/x /i/home/someone"),
    ).toBe("0\n1000");
    expect(await run(mode, "-t", "busybox", "stat", "-c", "%u", "/dev/pts/0")).toContain("0");
    await env.ok(["run", "-d", "--name=hidden", "--network=none", mode, "owned", "sleep", "100"]);
    expect(
      await env.ok(["exec", "--user=0", "hidden", "sh", "-c", "id -u; touch /n; stat -c %u /n; echo o >/dev/stdout"]),
    ).toBe("0\n0\no");
    expect(await env.ok(["exec", "--user=1000", "hidden", "sh", "-c", "id -u; echo o >/dev/stdout"])).toBe("1000\no");
    await env.ok(["cp", "/etc/hostname", "hidden:/etc/in"]);
    await env.ok(["restart", "-t0", "hidden"]);
    expect(await env.ok(["exec", "hidden", "stat", "-c", "%u:%g", "/etc/in"])).toBe("0:0");
    await env.ok(["stop", "-t0", "hidden"]);
    await env.ok(["cp", "/etc/hostname", "hidden:/etc/resting"]);
    await env.ok(["start", "hidden"]);
    expect(await env.ok(["exec", "hidden", "stat", "-c", "%u:%g", "/etc/resting"])).toBe("0:0");
    expect(await env.ok(["inspect", "--format", "{{.HostConfig.UsernsMode}}", "hidden"])).toBe("nomap");
    expect(await env.ok(["run", "--rm", "--network=container:hidden", "--user=0", "owned", "sh", "-c", OWNERS])).toBe(
      EXPECTED,
    );
    // Its keeper's successor, too, is root there before it does anything.
    const id = await env.ok(["inspect", "--format", "{{.Id}}", "hidden"]);
    await killKeeper(env, id);
    expect(await env.ok(["exec", "--user=0", "hidden", "sh", "-c", "touch /after; stat -c %u /after"])).toBe("0");
    await env.ok(["rm", "-f", "hidden"]);
  });
});

describe("container:NAME", () => {
  it("is the other one's, with the ids of it, and nothing else of it", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--name=donor", "--network=none", "--userns=auto:size=2000", "owned", "sleep", "100"]);
    const space = (name: string) => env.ok(["exec", "donor", "readlink", `/proc/self/ns/${name}`]);
    const script = `readlink /proc/self/ns/user; readlink /proc/self/ns/uts; id -u; ${OWNERS}`;
    const [user, uts] = [await space("user"), await space("uts")];
    const seen = (await run("--userns=container:donor", "--user=0", "owned", "sh", "-c", script)).split("\n");
    expect(seen[0]).toBe(user);
    expect(seen[1]).not.toBe(uts);
    expect(seen.slice(2).join("\n")).toBe(`0\n${EXPECTED}`);
    await env.ok(["rm", "-f", "donor"]);
    expect(await env.fails(["run", "--rm", "--userns=container:donor", "owned"], 125)).toContain("donor");
  });
});

it("nomap and auto work where roots are copies", async () => {
  const { env } = stage;
  for (const mode of ["nomap", "auto"]) {
    const words = [
      "run",
      "--rm",
      "--network=none",
      `--userns=${mode}`,
      "--user=0",
      "owned",
      "sh",
      "-c",
      `${OWNERS}; touch /x; stat -c %u /x`,
    ];
    const copied = await env.run(words, { environment: { BUNKER_STORAGE_DRIVER: "copy" } });
    expect(copied.stdout.trim()).toBe(`${EXPECTED}\n0`);
  }
});

describe("maps of one's own", () => {
  it("are what the container has", async () => {
    const flags = ["--uidmap=0:1:1000", "--uidmap=1000:0", "--gidmap=0:0:5"];
    expect(await run(...flags, "busybox", "sh", "-c", MAPS)).toBe("0 1 1000\n1000 0 1\n0 0 1\n1 1 4");
    expect(await run("--uidmap=+7:0", "--user=7", "busybox", "id", "-u")).toBe("7");
    const { uid } = stage.env.user;
    expect(await run(`--uidmap=+9:@${uid}`, "busybox", "sh", "-c", "grep -c '^ *9 *0 *1$' /proc/self/uid_map")).toBe(
      "1",
    );
    expect(await run(`--subuidname=${uid}`, "--user=0", "owned", "sh", "-c", OWNERS)).toBe(EXPECTED);
  });
});

describe("auto", () => {
  it("gives each container ids that no other one has, and its layers their owners", async () => {
    const { env } = stage;
    for (const name of ["one", "other"]) {
      await env.ok(["run", "-d", `--name=${name}`, "--network=none", "--userns=auto", "owned", "sleep", "100"]);
    }
    const rangeOf = async (name: string) =>
      (await env.ok(["exec", name, "cat", "/proc/self/uid_map"])).split(/\s+/).filter(Boolean).map(Number);
    expect(await rangeOf("one")).toEqual([0, 1, 1024]);
    expect(await rangeOf("other")).toEqual([0, 1025, 1024]);
    expect(await env.ok(["exec", "--user=0", "other", "sh", "-c", OWNERS])).toBe(EXPECTED);
    await env.ok(["exec", "--user=0", "one", "touch", "/made"]);
    const upper = join(env.dataHome, "containers", await env.ok(["inspect", "--format", "{{.Id}}", "one"]), "upper");
    const owner = statSync(join(upper, "made")).uid;
    expect(owner).not.toBe(env.user.uid);
    expect(
      await env.ok(["inspect", "--format", "{{.HostConfig.UsernsMode}} {{.HostConfig.IDMappings.UidMap}}", "other"]),
    ).toBe("auto [0:1025:1024]");
    // Who shares its namespace keeps its ids from others, though it be gone.
    await env.ok(["create", "--name=sharing", "--network=container:one", "owned"]);
    await env.ok(["rm", "-f", "one"]);
    expect(await run("--userns=auto:size=10", "busybox", "sh", "-c", MAPS)).toBe("0 2049 10\n0 2049 10");
    await env.ok(["rm", "sharing"]);
    // The lowest are used again, with the layers that are there.
    const classes = readdirSync(join(env.dataHome, "layers"));
    expect(await run("--userns=auto", "owned", "sh", "-c", MAPS)).toBe("0 1 1024\n0 1 1024");
    expect(readdirSync(join(env.dataHome, "layers"))).toEqual(classes);
    await env.ok(["rm", "-f", "other"]);
  });

  it("takes maps besides, and as many ids as the image needs", async () => {
    expect(await run("--userns=auto:size=20,uidmapping=5:0:1", "busybox", "sh", "-c", MAPS)).toBe(
      "0 1 5\n5 0 1\n6 7 14\n0 1 20",
    );
    expect(await run("--userns=auto", "--user=5000", "busybox", "sh", "-c", MAPS)).toBe("0 1 5001\n0 1 5001");
  });
});

it("other modes are refused with the reason", async () => {
  const fails = (...flags: string[]) => stage.env.fails(["run", "--rm", ...flags, "busybox"], 125);
  expect(await fails("--userns=foo")).toContain("--userns: invalid USER mode");
  expect(await fails("--userns=keep-id:uid=x")).toContain('unknown option specified: "uid=x"');
  expect(await fails("--userns=auto:size=0")).toContain('unknown option specified: "size=0"');
  expect(await fails("--userns=auto:size=999999")).toContain("not enough unused IDs in user namespace");
  expect(await fails("--userns=nomap", "--uidmap=0:1:5")).toContain(
    "--userns and --uidmap/--gidmap are mutually exclusive",
  );
  expect(await fails("--uidmap=0:1:5", "--subuidname=x")).toContain("conflicting options: --uidmap and --subuidname");
  expect(await fails("--subuidname=somebody")).toContain('the subordinate ids of "somebody"');
  expect(await fails("--uidmap=5:1:5")).toContain("the uid map has no 0");
  expect(await fails("--uidmap=0:999999:5")).toContain("you have no ids 999999 to 1000003");
});
