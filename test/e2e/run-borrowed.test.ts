// Mounts of what belongs to others: --volumes-from, a part of a volume, another image, and U, which gives a mount to the
// container's user.

import { describe, expect } from "bun:test";
import { chownSync, lchownSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file, symlink } from "../support/tar.ts";

const NONE = "--network=none";

const stage = useStage({
  prepare: async (opened) => {
    const lower = makeLayer([directory("data"), file("data/kept", "kept\n"), file("data/gone", "gone\n")]);
    const upper = makeLayer([file("data/.wh.gone", ""), symlink("out", "/etc"), file("data/deep/er", "deeper\n")]);
    await opened.add("content", busyboxWith({ Volumes: { "/data": {} } }, [lower, upper]));
    await opened.add("mounted", busyboxWith({ Labels: { a: "b" } }, [lower]));
  },
});
const { it } = stage;

function run(...words: string[]): Promise<string> {
  return stage.env.ok(["run", "--rm", NONE, ...words]);
}

function fails(code: number, ...words: string[]): Promise<string> {
  return stage.env.fails(["run", "--rm", NONE, ...words], code);
}

let counter = 0;
function makeDirectory(): string {
  counter += 1;
  const path = join(stage.env.home, `borrowed-${counter}`);
  mkdirSync(path);
  chownSync(path, stage.env.user.uid, stage.env.user.gid);
  return path;
}

function ownFile(path: string): void {
  writeFileSync(path, "mine\n");
  chownSync(path, stage.env.user.uid, stage.env.user.gid);
}

async function volumeNames(): Promise<string[]> {
  // What has removed itself has its row until somebody looks.
  await stage.env.ok(["ps", "-a"]);
  const names = await stage.env.ok(["volume", "ls", "-q"]);
  return names === "" ? [] : names.split("\n");
}

describe("--volumes-from", () => {
  it("brings binds and volumes of the other one, read-only where it or the flag says so", async () => {
    const shared = makeDirectory();
    await stage.env.ok([
      "create",
      "--name=other",
      NONE,
      "-v",
      `${shared}:/bind:ro`,
      "-v",
      "named:/named",
      "--tmpfs=/own",
      "content",
    ]);
    const script = "cat /data/kept; echo x > /named/new; ls -d /own 2>/dev/null; touch /bind/x 2>/dev/null || echo ro";
    expect(await run("--volumes-from=other", "busybox", "sh", "-c", script)).toBe("ro");
    await stage.env.ok(["start", "--attach", "other"]);
    expect(await run("--volumes-from=other", "busybox", "sh", "-c", script)).toBe("kept\nro");
    const closed = "cat /data/kept /named/new; touch /named/x 2>/dev/null || echo ro";
    expect(await run("--volumes-from=other:ro", "busybox", "sh", "-c", closed)).toBe("kept\nx\nro");
    // Its own flags win, and what the other one has borrowed itself goes on.
    expect(await run("--volumes-from=other", "-v", "second:/named", "busybox", "ls", "/named")).toBe("");
    await stage.env.ok(["create", "--name=third", NONE, "--volumes-from=other", "busybox"]);
    expect(await run("--volumes-from=third:z", "content", "ls", "-R", "/bind", "/named")).toBe(
      "/bind:\n\n/named:\nnew",
    );
    const from = "{{.HostConfig.VolumesFrom}} {{len .Mounts}}";
    expect(await stage.env.ok(["inspect", "--format", from, "third"])).toBe("[other] 3");
    await stage.env.ok(["rm", "-fv", "other", "third"]);
    await stage.env.ok(["volume", "rm", "named", "second"]);
  });

  it("keeps anonymous volumes until their last user has gone, whichever that is", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--rm", "--name=first", NONE, "content", "sleep", "100"]);
    await env.ok(["run", "-d", "--rm", "--name=second", "--volumes-from=first", NONE, "busybox", "sleep", "100"]);
    const [name = ""] = await volumeNames();
    expect(await run("--volumes-from=second", "busybox", "cat", "/data/kept")).toBe("kept");
    await env.ok(["stop", "-t0", "first"]);
    expect(await env.ok(["exec", "second", "cat", "/data/kept"])).toBe("kept");
    expect(await volumeNames()).toEqual([name]);
    await env.ok(["stop", "-t0", "second"]);
    expect(await volumeNames()).toEqual([]);
  });

  it("complains as docker does", async () => {
    expect(await fails(125, "--volumes-from=nosuch", "busybox")).toContain("no such container: nosuch");
    expect(await fails(125, "--volumes-from=", "busybox")).toContain('invalid volumes-from specification: ""');
    expect(await fails(125, "--volumes-from=a:nocopy", "busybox")).toContain("invalid mode: nocopy");
  });
});

describe("a part of a volume", () => {
  it("is mounted alone, a directory or a file, never what a link leads out to", async () => {
    await run("-v", "parts:/p", "busybox", "sh", "-c", "mkdir -p /p/a/b; echo c > /p/a/b/c; ln -s /etc /p/out");
    const mount = "type=volume,source=parts,target=/x,volume-subpath=";
    expect(await run("--mount", `${mount}a/b`, "busybox", "ls", "/x")).toBe("c");
    expect(await run("--mount", `${mount}a/b/c,readonly`, "busybox", "sh", "-c", "cat /x; echo no > /x || true")).toBe(
      "c",
    );
    expect(await fails(125, "--mount", `${mount}out`, "busybox")).toContain("cannot access path out");
    expect(await fails(125, "--mount", `${mount}nosuch`, "busybox")).toContain("cannot access path nosuch");
    expect(await fails(125, "--mount", `${mount}../x`, "busybox")).toContain(
      "must be a relative path within the volume",
    );
    await stage.env.ok(["volume", "rm", "parts"]);
  });
});

describe("an image", () => {
  it("is mounted read-only, all of it or a part", async () => {
    const mount = "type=image,source=content,target=/i";
    const script = "cat /i/data/kept; ls /i/data; touch /i/x 2>/dev/null || echo ro";
    expect(await run("--mount", mount, "busybox", "sh", "-c", script)).toBe("kept\ndeep\nkept\nro");
    expect(await run("--mount", `${mount},image-subpath=data/deep`, "busybox", "ls", "/i")).toBe("er");
    expect(await run("--mount", `${mount},subpath=data/kept`, "busybox", "cat", "/i")).toBe("kept");
    expect(await run("--mount", "type=image,source=busybox,target=/i", "busybox", "ls", "-d", "/i/bin")).toBe("/i/bin");
    expect(await fails(125, "--mount", "type=image,source=nosuch,target=/i", "busybox")).toContain(
      "no such image: nosuch",
    );
  });

  it("takes changes of this container alone with rw, and is kept from rmi", async () => {
    const { env } = stage;
    const mount = "type=image,source=mounted,target=/i,rw=true";
    await env.ok([
      "create",
      "--name=writer",
      NONE,
      "--mount",
      mount,
      "busybox",
      "sh",
      "-c",
      "cat /i/new; echo new > /i/new",
    ]);
    expect(await env.ok(["start", "--attach", "writer"])).toBe("");
    expect(await env.ok(["start", "--attach", "writer"])).toBe("new");
    expect(await run("--mount", mount, "busybox", "ls", "/i/new").catch(String)).toContain("/i/new: No such file");
    expect(await env.ok(["rmi", "-f", await env.ok(["images", "-q", "mounted"])])).not.toContain("Deleted");
    expect(await env.ok(["start", "--attach", "writer"])).toBe("new");
    await env.ok(["rm", "writer"]);
  });
});

describe("U", () => {
  it("gives what is mounted to the container's user, following no link", async () => {
    const shared = makeDirectory();
    const outside = makeDirectory();
    ownFile(join(outside, "not"));
    mkdirSync(join(shared, "sub"));
    chownSync(join(shared, "sub"), stage.env.user.uid, stage.env.user.gid);
    ownFile(join(shared, "sub/mine"));
    for (const [target, name] of [
      [outside, "link"],
      [join(outside, "not"), "sub/link"],
    ] as const) {
      symlinkSync(target, join(shared, name));
      lchownSync(join(shared, name), stage.env.user.uid, stage.env.user.gid);
    }
    const script = "stat -c %u:%g /there /there/sub /there/sub/mine; echo new > /there/sub/new";
    expect(await run("--user=1000:100", "-v", `${shared}:/there:U`, "busybox", "sh", "-c", script)).toBe(
      "1000:100\n1000:100\n1000:100",
    );
    expect(readdirSync(join(shared, "sub"))).toContain("new");
    for (const path of [outside, join(outside, "not")]) expect(lstatSync(path).uid).toBe(stage.env.user.uid);
    // And back.
    expect(
      await run(
        "--mount",
        `type=bind,source=${shared},target=/there,U=true`,
        "busybox",
        "stat",
        "-c",
        "%u",
        "/there/sub",
      ),
    ).toBe("0");
    expect(lstatSync(join(shared, "sub/mine")).uid).toBe(stage.env.user.uid);
    expect(await run("--user=7", "-v", "owned:/x:U", "busybox", "sh", "-c", "touch /x/y; stat -c %u /x/y")).toBe("7");
    await stage.env.ok(["volume", "rm", "owned"]);
  });

  it("refuses what is not the user's to give", async () => {
    expect(await fails(125, "--user=7", "-v", "/usr:/there:U", "busybox")).toContain("not allowed");
    expect(await fails(125, "--user=7", "-v", `${stage.env.home}:/there:U`, "busybox")).toContain("not allowed");
    expect(await fails(125, "--user=7", "-v", "/etc/ssl:/there:U", "busybox")).toContain("changing the owner");
  });
});

describe("a tmpfs", () => {
  it("can have an owner, and begin with the image's content", async () => {
    expect(await run("--tmpfs=/t:uid=7,gid=8,mode=700", "busybox", "stat", "-c", "%u:%g %a", "/t")).toBe("7:8 700");
    expect(
      await run("--mount", "type=tmpfs,target=/data,tmpcopyup", "content", "sh", "-c", "cat /data/kept; touch /data/x"),
    ).toBe("kept");
    expect(await fails(125, "--mount", "type=devpts,target=/t", "busybox")).toContain("hint: ");
    expect(await fails(125, "--mount", "type=ramfs,target=/t", "busybox")).toContain("type=tmpfs");
  });
});
