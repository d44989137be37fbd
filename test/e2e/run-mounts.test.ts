// What is mounted into a container: -v with files and directories, tmpfs, a read-only root, the image's volumes.

import { describe, expect } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file, symlink } from "../support/tar.ts";

const stage = useStage({
  prepare: async (opened) => {
    const content = makeLayer([
      { ...directory("data"), mode: 0o750, uid: 1000, gid: 1000 },
      { ...file("data/seed", "seed\n"), mode: 0o640, uid: 1000, gid: 1000 },
      symlink("data/link", "seed"),
      { ...file("data/deep/er", "deeper\n"), uid: 7 },
      file("plain", "image's\n"),
      symlink("etc-link", "/etc"),
      symlink("escape", "../../../../../../tmp"),
    ]);
    await opened.add("content", busyboxWith({}, [content]));
    await opened.add("volumes", busyboxWith({ Volumes: { "/data": {}, "/made": {}, "/data/deep": {} } }, [content]));
  },
});
const { it } = stage;

function run(...words: string[]): Promise<string> {
  return stage.env.ok(["run", "--rm", "--network", "none", ...words]);
}

function fails(code: number, ...words: string[]): Promise<string> {
  return stage.env.fails(["run", "--rm", "--network", "none", ...words], code);
}

/** A fresh directory of the user's below the home directory. */
let counter = 0;
function makeDirectory(): string {
  counter += 1;
  const path = join(stage.env.home, `shared-${counter}`);
  mkdirSync(path);
  chownSync(path, stage.env.user.uid, stage.env.user.gid);
  return path;
}

function write(path: string, content: string): string {
  writeFileSync(path, content);
  chownSync(path, stage.env.user.uid, stage.env.user.gid);
  return path;
}

/** Below the data home. */
function volumeNames(): string[] {
  const path = join(stage.env.dataHome, "volumes");
  return existsSync(path) ? readdirSync(path) : [];
}

describe("-v of a host path", () => {
  it("shows the directory itself, both ways, as the user's own", async () => {
    const shared = makeDirectory();
    write(join(shared, "from-host"), "hello\n");
    expect(
      await run(
        "-v",
        `${shared}:/in/side`,
        "busybox",
        "sh",
        "-c",
        "cat /in/side/from-host; stat -c %u /in/side/from-host; echo back > /in/side/new",
      ),
    ).toBe("hello\n0");
    expect(readFileSync(join(shared, "new"), "utf8")).toBe("back\n");
    expect(statSync(join(shared, "new")).uid).toBe(stage.env.user.uid);
  });

  it("can be a single file, relative, or reached through a link", async () => {
    const shared = makeDirectory();
    const path = write(join(shared, "one file"), "one\n");
    symlinkSync("one file", join(shared, "link"));
    expect(await run("-v", `${path}:/plain`, "content", "cat", "/plain")).toBe("one");
    expect(await run("-v", `${path}:/not/there`, "busybox", "cat", "/not/there")).toBe("one");
    expect(await run("-v", `${join(shared, "link")}:/plain`, "busybox", "cat", "/plain")).toBe("one");
    expect(
      await stage.env.ok(["run", "--rm", "-v", "./link:/plain:ro", "busybox", "cat", "/plain"], { cwd: shared }),
    ).toBe("one");
  });

  it("makes a missing source a directory (docker's rule), --mount does not", async () => {
    const missing = join(makeDirectory(), "a/b");
    expect(await run("-v", `${missing}:/there`, "busybox", "sh", "-c", "touch /there/x; ls /there")).toBe("x");
    expect(statSync(missing).uid).toBe(stage.env.user.uid);
    const other = join(dirname(missing), "c");
    const complaint = await fails(125, "--mount", `type=bind,source=${other},target=/there`, "busybox", "true");
    expect(complaint).toContain(`bind source path does not exist: ${other}`);
    expect(existsSync(other)).toBe(false);
    expect(await fails(125, "-v", "/proc/no/such:/there", "busybox", "true")).toContain("hint: ");
  });

  it("shows what the host mounts below it later with rslave only", async () => {
    const { env } = stage;
    const onHost = (...command: string[]) => expect(Bun.spawnSync(env.host.enter(command, "/")).exitCode).toBe(0);
    const shared = makeDirectory();
    onHost("mount", "-t", "tmpfs", "--make-shared", "none", shared);
    onHost("mkdir", join(shared, "later"));
    for (const [name, options] of [
      ["follows", ":rslave"],
      ["stays", ""],
    ]) {
      await env.ok([
        "run",
        "-d",
        "--network=none",
        `--name=${name}`,
        "-v",
        `${shared}:/at${options}`,
        "busybox",
        "sleep",
        "100",
      ]);
    }
    onHost("mount", "-t", "tmpfs", "none", join(shared, "later"));
    onHost("touch", join(shared, "later/x"));
    expect(await env.ok(["exec", "follows", "ls", "/at/later"])).toBe("x");
    expect(await env.ok(["exec", "stays", "ls", "/at/later"])).toBe("");
    await env.ok(["rm", "-f", "follows", "stays"]);
    onHost("umount", "--recursive", shared);
    expect(await fails(125, "-v", `${shared}:/at:rshared`, "busybox", "true")).toContain("hint: ");
  });

  it("is read-only with ro, mounts below it included", async () => {
    const shared = makeDirectory();
    write(join(shared, "kept"), "kept\n");
    expect(
      await run(
        "-v",
        `${shared}:/there:ro`,
        "busybox",
        "sh",
        "-c",
        "echo no > /there/kept; mount -o remount,rw /there; touch /there/new; cat /there/kept; rm /there/kept; true 2>&1",
      ),
    ).toBe("kept");
    expect(readdirSync(shared)).toEqual(["kept"]);
    expect(await run("-v", `${shared}:/there:rw`, "busybox", "sh", "-c", "touch /there/new && ls /there")).toBe(
      "kept\nnew",
    );
    // The whole home directory has a mount of the engine's own nowhere in it, and what is below is read-only too.
    expect(
      await run("-v", "/:/host:ro", "busybox", "sh", "-c", `touch /host${shared}/x 2>/dev/null || echo refused`),
    ).toBe("refused");
  });

  it("is private: what the container mounts is not seen outside, what it is does not show the container's own root", async () => {
    const { home } = stage.env;
    const options = (
      await run("-v", `${home}:/home/me`, "busybox", "grep", " /home/me ", "/proc/self/mountinfo")
    ).split(" ");
    // Optional fields (proc_pid_mountinfo(5)) between the options and the dash: none is "private".
    expect(options.slice(6, 7)).toEqual(["-"]);
    expect(options[5]).toContain("nosuid");
    expect(options[5]).toContain("nodev");
    const script =
      "cd /home/me/.local/share/bunker/containers && for c in *; do ls -A $c; done; cat /proc/self/mountinfo | grep -c bunker/containers/";
    const seen = (await run("-v", `${home}:/home/me`, "busybox", "sh", "-c", script)).split("\n");
    expect(seen).toContain("upper");
    expect(seen).not.toContain("bin");
    for (const propagation of ["rslave", "slave", "private", "rprivate"]) {
      expect(await run("-v", `${home}:/home/me:${propagation}`, "busybox", "true")).toBe("");
    }
  });

  it("is put in its place inside, whatever links the image has there", async () => {
    const shared = makeDirectory();
    write(join(shared, "here"), "");
    expect(await run("-v", `${shared}:/etc-link/sub`, "content", "ls", "/etc/sub")).toBe("here");
    expect(await run("-v", `${shared}:/escape`, "content", "ls", "/tmp")).toBe("here");
    expect(await run("-v", `${shared}:/x/../y`, "busybox", "ls", "/y")).toBe("here");
    expect(await fails(125, "-v", `${shared}:/plain`, "content", "true")).toContain("/plain");
    expect(await fails(125, "-v", `${write(join(shared, "f"), "")}:/data`, "content", "true")).toContain("/data");
  });

  it("lies in others in the right order, whatever the order of the flags", async () => {
    const [outer, inner] = [makeDirectory(), makeDirectory()];
    write(join(outer, "o"), "");
    write(join(inner, "i"), "");
    mkdirSync(join(outer, "sub"));
    expect(
      await run(
        "-v",
        `${inner}:/m/sub`,
        "-v",
        `${outer}:/m`,
        "--tmpfs",
        "/m/sub/t",
        "busybox",
        "sh",
        "-c",
        "ls /m /m/sub /m/sub/t",
      ),
    ).toBe("/m:\no\nsub\n\n/m/sub:\ni\nt\n\n/m/sub/t:");
  });

  it("is refused in docker's words", async () => {
    const shared = makeDirectory();
    for (const [word, says] of [
      ["", "invalid empty volume spec"],
      [`${shared}:`, "empty section between colons"],
      [`${shared}:relative`, "mount path must be absolute"],
      [`${shared}:/`, "destination can't be '/'"],
      [`${shared}:/a:nosuch`, "invalid mode: nosuch"],
      [`${shared}:/a:ro,rw`, "invalid mode: ro,rw"],
      [`${shared}:/a:ro:z`, "invalid volume specification"],
      ["bad/name:/a", "includes invalid characters for a local volume name"],
    ] as const) {
      expect(await fails(125, "-v", word, "busybox", "true")).toContain(says);
    }
    expect(await fails(125, "-v", `${shared}:/a`, "-v", `${shared}:/a/`, "busybox")).toContain(
      "duplicate mount point: /a",
    );
  });

  it("cannot give what the user may not read", async () => {
    const shared = makeDirectory();
    chmodSync(shared, 0o700);
    mkdirSync(join(shared, "root's"), { mode: 0o700 });
    expect(await fails(125, "-v", `${join(shared, "root's")}/deeper:/a`, "busybox", "true")).toContain("hint: ");
    expect(await fails(1, "-v", `${join(shared, "root's")}:/a`, "busybox", "ls", "/a")).toContain("Permission denied");
  });
});

describe("--tmpfs", () => {
  it("is empty, of the size and mode asked for, and gone with the container", async () => {
    expect(
      await run(
        "--tmpfs",
        "/scratch",
        "busybox",
        "sh",
        "-c",
        "stat -f -c %T /scratch; stat -c %a /scratch; grep ' /scratch ' /proc/mounts | cut -d' ' -f4",
      ),
    ).toMatch(/^tmpfs\n1777\nrw,nosuid,nodev,noexec/);
    expect(
      await run(
        "--tmpfs",
        "/scratch:size=4m,mode=0700,exec",
        "busybox",
        "sh",
        "-c",
        "df -k /scratch | tail -n 1 | awk '{print $2}'; stat -c %a /scratch; cp /bin/busybox /scratch/echo && /scratch/echo ran",
      ),
    ).toBe("4096\n700\nran");
    expect(
      await run("--tmpfs", "/data:ro", "content", "sh", "-c", "ls -A /data; touch /data/x 2>/dev/null || echo refused"),
    ).toBe("refused");
    expect(
      await run("--mount", "type=tmpfs,target=/t,tmpfs-size=65536,tmpfs-mode=700", "busybox", "stat", "-c", "%a", "/t"),
    ).toBe("700");
    for (const [word, says] of [
      ["/a:nosuch=1", "nosuch"],
      ["relative", "invalid"],
      ["/a:size=big", "size"],
    ] as const) {
      expect(await fails(125, "--tmpfs", word, "busybox")).toContain(says);
    }
  });
});

describe("--read-only", () => {
  it("leaves the root as it is, tmpfs, volumes and /dev/shm writable", async () => {
    const shared = makeDirectory();
    const script =
      "touch /x 2>&1; touch /dev/shm/y /t/z /data/v /there/w && ls /t /data/v; echo x > /etc/hosts || true";
    const output = await run("--read-only", "--tmpfs", "/t", "-v", `${shared}:/there`, "volumes", "sh", "-c", script);
    expect(output).toContain("touch: /x: Read-only file system");
    expect(output).toContain("z");
    expect(readdirSync(shared)).toEqual(["w"]);
    expect(await fails(1, "--read-only", "busybox", "sh", "-c", "mount -o remount,rw / 2>&1")).toBe("");
  });
});

describe("the image's volumes", () => {
  it("start with what the image has there, owner and mode included, and are kept from start to start", async () => {
    const script =
      "stat -c '%n %a %u %g' /data /data/seed /made; readlink /data/link; cat /data/deep/er; stat -c %u /data/deep/er; cat /data/mine 2>/dev/null; echo mine > /data/mine";
    const first = await stage.env.ok(["run", "--name", "kept", "--network", "none", "volumes", "sh", "-c", script]);
    expect(first).toBe("/data 750 1000 1000\n/data/seed 640 1000 1000\n/made 755 0 0\nseed\ndeeper\n7");
    expect(await stage.env.ok(["start", "-a", "kept"])).toBe(`${first}\nmine`);
    const names = volumeNames();
    expect(names).toHaveLength(3);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{64}$/);
    const mounts = JSON.parse(await stage.env.ok(["inspect", "-f", "{{json .Mounts}}", "kept"])) as Record<
      string,
      unknown
    >[];
    expect(
      mounts
        .map(({ Type, Destination, Driver, RW }) => ({ Type, Destination, Driver, RW }))
        .sort((a, b) => String(a.Destination).localeCompare(String(b.Destination))),
    ).toEqual(
      ["/data", "/data/deep", "/made"].map((Destination) => ({
        Type: "volume",
        Destination,
        Driver: "local",
        RW: true,
      })),
    );
    expect(mounts.map(({ Name }) => String(Name)).sort()).toEqual(names.sort());
  });

  it("go with --rm and rm -v, stay with rm", async () => {
    await run("volumes", "true");
    expect(volumeNames()).toEqual([]);
    await stage.env.ok(["create", "--name", "one", "volumes"]);
    expect(volumeNames()).toHaveLength(3);
    await stage.env.ok(["rm", "-v", "one"]);
    expect(volumeNames()).toEqual([]);
    await stage.env.ok(["run", "-d", "--name", "two", "volumes", "sleep", "60"]);
    await stage.env.ok(["rm", "-fv", "two"]);
    expect(volumeNames()).toEqual([]);
  });

  it("stay after rm without -v", async () => {
    await stage.env.ok(["create", "--name", "three", "volumes"]);
    const names = volumeNames();
    await stage.env.ok(["rm", "three"]);
    expect(volumeNames().sort()).toEqual(names.sort());
  });

  it("give way to a mount of the user's at the same place", async () => {
    const shared = makeDirectory();
    write(join(shared, "mine"), "");
    expect(
      await run("-v", `${shared}:/data`, "--tmpfs", "/made", "volumes", "sh", "-c", "ls /data; stat -f -c %T /made"),
    ).toBe("deep\nmine\ntmpfs");
    expect(volumeNames().length).toBeLessThanOrEqual(3);
  });

  it("can be asked for by -v with a target alone", async () => {
    expect(await run("-v", "/data", "content", "ls", "/data")).toBe("deep\nlink\nseed");
    expect(await run("-v", "/data", "-v", "/new", "content", "sh", "-c", "ls -A /new; touch /new/x && ls /new")).toBe(
      "x",
    );
  });
});
