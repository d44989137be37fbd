// The files in a container that are the engine's: what the image has at their place, what flags put there, what outlives a start.
// And passwd and group, which only flags make the engine's business.

import { describe, expect } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { file, symlink } from "../support/tar.ts";

const NONE = "--network=none";
const PASSWD = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n";
const GROUP = "root:x:0:\nuser:x:1000:\nextra:x:2000:\nmore:x:3000:";

const stage = useStage({
  prepare: async (opened) => {
    const own = makeLayer([
      file("etc/hosts", "192.0.2.1 of-the-image"),
      file("etc/hostname", "of-the-image\n"),
      file("etc/resolv.conf", "nameserver 192.0.2.1\n"),
      file("etc/passwd", PASSWD),
      file("etc/group", GROUP),
    ]);
    await opened.add("own", busyboxWith({}, [own]));
    const links = makeLayer([symlink("etc/hosts", "/canary"), symlink("etc/passwd", "../../../../../elsewhere")]);
    await opened.add("links", busyboxWith({}, [links]));
  },
});
const { it } = stage;

async function run(...words: string[]): Promise<string> {
  return await stage.env.ok(["run", "--rm", NONE, ...words]);
}

async function fails(...words: string[]): Promise<string> {
  return await stage.env.fails(["run", "--rm", NONE, ...words], 125);
}

/** A file of the user's. */
function write(name: string, content: string): string {
  const { env } = stage;
  const path = join(env.home, name);
  writeFileSync(path, content);
  chownSync(path, env.user.uid, env.user.gid);
  return path;
}

describe("hosts, hostname and resolv.conf", () => {
  it("are written anew at each start, but for what the container wrote into resolv.conf", async () => {
    const { env } = stage;
    const change =
      "echo '192.0.2.9 mine' >> /etc/hosts; echo mine > /etc/hostname; echo 'nameserver 192.0.2.9' > /etc/resolv.conf";
    const show = "cat /etc/hosts /etc/hostname /etc/resolv.conf";
    await env.ok([
      "create",
      "--name=c",
      "--hostname=box",
      "--dns=192.0.2.53",
      NONE,
      "own",
      "sh",
      "-c",
      `${show}; ${change}`,
    ]);
    const first = await env.ok(["start", "-a", "c"]);
    const lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "127.0.1.1\tbox", "box"];
    expect(first.split("\n")).toEqual([...lines, "nameserver 192.0.2.53"]);
    const second = await env.ok(["start", "-a", "c"]);
    expect(second.split("\n")).toEqual([...lines, "nameserver 192.0.2.9"]);
  });

  it("give way to -v and --mount, each on its own, read-only or not", async () => {
    for (const [name, rest] of [
      ["hosts", "hostname resolv.conf"],
      ["hostname", "hosts resolv.conf"],
      ["resolv.conf", "hosts hostname"],
    ] as const) {
      const mine = write(`my-${name}`, "mine\n");
      const target = `/etc/${name}`;
      const others = rest.split(" ").map((other) => `/etc/${other}`);
      expect(await run("-v", `${mine}:${target}`, "own", "sh", "-c", `echo more >> ${target}; cat ${target}`)).toBe(
        "mine\nmore",
      );
      expect(readFileSync(mine, "utf8")).toBe("mine\nmore\n");
      const mount = `type=bind,src=${mine},dst=${target},ro`;
      expect(await run("--mount", mount, "own", "sh", "-c", `echo x >> ${target} || cat ${target}`)).toBe("mine\nmore");
      expect(await run("-v", `${mine}:${target}:ro`, "own", "cat", ...others)).not.toContain("of-the-image");
    }
  });

  it("give way to a directory that is mounted over all of them", async () => {
    const { env } = stage;
    const directory = join(env.home, "etc");
    mkdirSync(directory);
    chownSync(directory, env.user.uid, env.user.gid);
    // What the engine owns lies over it: the directory itself is not written to but for mount points.
    expect(await run("-v", `${directory}:/etc`, "--hostname=box", "own", "cat", "/etc/hostname")).toBe("box");
    expect(readFileSync(join(directory, "hostname"), "utf8")).toBe("");
  });
});

describe("--hosts-file", () => {
  it("begins with a file of the host's, the image's own, or nothing", async () => {
    const base = write("base", "192.0.2.7 from-here");
    const own = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tbox\n192.0.2.8\tadded";
    const show = ["--hostname=box", "--add-host=added:192.0.2.8", "own", "cat", "/etc/hosts"];
    expect(await run(`--hosts-file=${base}`, ...show)).toBe(`192.0.2.7 from-here\n${own}`);
    expect(await run("--hosts-file=image", ...show)).toBe(`192.0.2.1 of-the-image\n${own}`);
    expect(await run("--hosts-file=none", ...show)).toBe(own);
    const whole = write("whole", "127.0.0.1 here localhost\n");
    expect(await run(`--hosts-file=${whole}`, ...show)).toBe(
      "127.0.0.1 here localhost\n127.0.1.1\tbox\n192.0.2.8\tadded",
    );
    const shared = ["run", "--rm", "--network=host", "--hosts-file=none", "--hostname=box", "own", "cat", "/etc/hosts"];
    expect(await stage.env.ok(shared)).toBe(own.replace("\n192.0.2.8\tadded", ""));
  });

  it("is read at each start", async () => {
    const { env } = stage;
    const base = write("base", "192.0.2.7 first\n");
    await env.ok(["create", "--name=c", NONE, `--hosts-file=${base}`, "busybox", "cat", "/etc/hosts"]);
    write("base", "192.0.2.7 second\n");
    expect(await env.ok(["start", "-a", "c"])).toContain("second");
  });

  it("is refused where it is none, and never leads out of the image", async () => {
    expect(await fails("--hosts-file=relative", "busybox")).toContain('"relative" is neither an absolute path');
    expect(await fails("--hosts-file=/nowhere", "busybox")).toContain('reading the hosts file "/nowhere"');
    expect(await fails("--hosts-file=/dev/zero", "busybox")).toContain("it is no file of at most");
    expect(await fails("--no-hosts", "--hosts-file=none", "busybox")).toContain(
      "--no-hosts and --hosts-file cannot be set together",
    );
    // The image's link: /canary of the container, which is not there.
    expect(await run("--hosts-file=image", "links", "head", "-1", "/etc/hosts")).toBe("127.0.0.1\tlocalhost");
  });
});

describe("--passwd", () => {
  const show = "id -un; tail -n +3 /etc/passwd; tail -n +5 /etc/group";

  it("adds a user and group that the image does not know; without it nothing is added", async () => {
    expect(await run("-u", "5000:6000", "own", "sh", "-c", `cat /etc/passwd /etc/group`)).toBe(`${PASSWD}${GROUP}`);
    expect(await run("--passwd", "-u", "5000:6000", "own", "sh", "-c", show)).toBe(
      "5000\n5000:*:5000:6000:container user:/:/bin/sh\n6000:x:6000:5000",
    );
    expect(
      await run("--passwd", "-e", "HOME=/tmp", "-u", "5000", "own", "sh", "-c", "echo ~5000; tail -1 /etc/group"),
    ).toBe("/tmp\nmore:x:3000:");
    for (const user of ["user", "1000:2000", "0", ""]) {
      expect(await run("--passwd", "-u", user, "own", "cat", "/etc/passwd", "/etc/group")).toBe(`${PASSWD}${GROUP}`);
    }
  });

  it("adds what --passwd-entry and --group-entry say", async () => {
    const flags = [
      "--passwd-entry=me:x:$UID:$GID:$NAME of $USERNAME:$HOME:/bin/ash",
      "--group-entry=us$GID:x:$GID:$USERLIST",
    ];
    expect(await run(...flags, "-u", "5000:6000", "own", "sh", "-c", show)).toBe(
      "me\nme:x:5000:6000:container user of 5000:/:/bin/ash\nus6000:x:6000:5000",
    );
    expect(await fails("--passwd-entry", "a\nb", "own")).toContain("it is one line");
  });

  it("is not needed for --hostuser, whose users may then be named", async () => {
    const { name, uid, gid } = stage.env.user;
    const flags = ["--hostuser", name, "--hostuser=0", "-u", name];
    // The image's own root stays.
    expect(await run(...flags, "own", "sh", "-c", "id -un; id -g; tail -n +3 /etc/passwd; echo ~root")).toMatch(
      new RegExp(`^${name}\n${gid}\n${name}:\\*:${uid}:${gid}:[^:]*:/[^:]*:/bin/sh\n/root$`),
    );
    expect(await fails("--hostuser=nosuch", "own")).toContain("user: unknown user nosuch");
  });

  it("adds it once, also where there were no files, and with a read-only root", async () => {
    const { env } = stage;
    await env.ok(["create", "--name=c", NONE, "--passwd", "-u", "5000", "busybox", "cat", "/etc/passwd", "/etc/group"]);
    const first = await env.ok(["start", "-a", "c"]);
    expect(first).toContain("5000:*:5000:0:container user:/:/bin/sh");
    expect(await env.ok(["start", "-a", "c"])).toBe(first);
    expect(await run("--passwd", "--read-only", "-u", "5000", "own", "id", "-un")).toBe("5000");
  });

  it("leaves alone what is mounted there, and what is outside", async () => {
    const mine = write("my-passwd", PASSWD);
    expect(await run("--passwd", "-u", "5000", "-v", `${mine}:/etc/passwd`, "own", "cat", "/etc/passwd")).toBe(
      PASSWD.trim(),
    );
    expect(readFileSync(mine, "utf8")).toBe(PASSWD);
    // The image's link to a place that is not there inside.
    expect(await fails("--passwd", "-u", "5000", "links", "true")).toContain(
      "adding the user to the container's /etc/passwd",
    );
  });
});

describe("groups and names", () => {
  it("of --group-add are looked up in the image's file", async () => {
    expect(await run("-u", "user", "--group-add=extra", "--group-add", "more", "own", "id", "-G")).toBe(
      "1000 2000 3000",
    );
    expect(await fails("--group-add=nosuch", "own", "true")).toContain("unable to find group nosuch");
    // Looked up in what is there at the start: what is mounted.
    const group = write("my-group", "mine:x:4000:\n");
    expect(await run("-v", `${group}:/etc/group:ro`, "--group-add=mine", "own", "id", "-G")).toBe("0 4000");
  });

  it("are the caller's own with keep-groups, also for those that exec adds", async () => {
    const { env } = stage;
    const { uid, gid } = env.user;
    const shared = 54_321;
    const path = write("shared", "for the group\n");
    chownSync(path, 0, shared);
    chmodSync(path, 0o640);
    const launcher = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, `--groups=${shared}`, "--inh-caps=-all"];
    const words = (...flags: string[]) => ["run", NONE, ...flags, "-v", `${path}:/shared:ro`, "busybox"];
    const script = "cat /shared || echo denied";
    expect(await env.ok([...words("--rm"), "sh", "-c", script], { launcher })).toBe("denied");
    const kept = ["-d", "--name=c", "--group-add=keep-groups"];
    await env.ok([...words(...kept), "sleep", "1000"], { launcher });
    expect(await env.ok(["exec", "c", "sh", "-c", script], { launcher })).toBe("for the group");
    // A group that has no number inside.
    expect(await env.ok(["exec", "c", "id", "-G"])).toBe("0 65534");
    expect(JSON.parse(await env.ok(["inspect", "-f", "{{json .HostConfig.GroupAdd}}", "c"]))).toEqual(["keep-groups"]);
  });

  it("are shown by inspect as they were given", async () => {
    const { env } = stage;
    const flags = [
      "--group-add=extra",
      "--group-add=7",
      "--dns=192.0.2.53",
      "--dns-search=a.test",
      "--dns-opt=ndots:2",
    ];
    await env.ok(["create", "--name=c", ...flags, NONE, "own"]);
    const show = async (field: string) =>
      JSON.parse(await env.ok(["inspect", "-f", `{{json .HostConfig.${field}}}`, "c"]));
    expect(await show("GroupAdd")).toEqual(["extra", "7"]);
    expect(await show("Dns")).toEqual(["192.0.2.53"]);
    expect(await show("DnsSearch")).toEqual(["a.test"]);
    expect(await show("DnsOptions")).toEqual(["ndots:2"]);
    await env.ok(["create", "--replace", "--name=c", NONE, "own"]);
    expect(await show("GroupAdd")).toBeNull();
    expect(await show("Dns")).toEqual([]);
  });
});
