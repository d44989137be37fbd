// docker cp on the compiled binary: every case of docker's table in both directions, running and at rest, archives, owners.

import { afterEach, beforeEach, describe, expect } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { makeLayer } from "../support/image.ts";
import { busyboxWith, useStage } from "../support/stage.ts";
import { directory, file, symlink } from "../support/tar.ts";

const stage = useStage({
  prepare: async (opened) => {
    const layer = makeLayer([
      directory("var"),
      directory("run"),
      symlink("var/run", "/run"),
      { ...file("owned", "theirs\n"), uid: 1000, gid: 1001, mode: 0o640 },
      { ...file("special", "x"), mode: 0o4755 },
      symlink("escape", "../../../../../../../etc"),
    ]);
    await opened.add("copied", busyboxWith({ Cmd: ["sleep", "1000"] }, [layer]));
  },
});
const { it } = stage;

/** Runs in the user's directory of this test. */
function onHost(script: string): string {
  const { env } = stage;
  const done = Bun.spawnSync(env.command(["sh", "-ec", script], { cwd: join(env.home, "work") }));
  if (done.exitCode !== 0) throw new Error(`${script}: ${done.stderr.toString()}`);
  return done.stdout.toString().trim();
}

function cp(...words: string[]): Promise<string> {
  return stage.env.ok(["cp", ...words], { cwd: join(stage.env.home, "work") });
}

function refused(...words: string[]): Promise<string> {
  return stage.env.fails(["cp", ...words], 1, { cwd: join(stage.env.home, "work") });
}

function inside(script: string): Promise<string> {
  return stage.env.ok(["exec", "c", "sh", "-ec", script]);
}

beforeEach(() => {
  const { env } = stage;
  Bun.spawnSync(env.command(["sh", "-c", "rm -rf work; mkdir work"], { cwd: env.home }));
});

afterEach(() => stage.env.run(["rm", "-f", "c", "d"]));

async function start(...words: string[]): Promise<void> {
  await stage.env.ok(["run", "-d", "--network=none", "--name=c", ...words, "copied"]);
}

/** What both sides have before each case: files, a directory, and nothing at `missing`. */
const TREE = "mkdir -p dir/sub; echo one > file; echo two > other; echo inner > dir/inner; echo deep > dir/sub/deep";

/** docker's table: source, destination, what is there afterwards; or what is said. */
const CASES: readonly (readonly [name: string, source: string, destination: string, check: string])[] = [
  ["A: a file to nothing", "file", "missing", "cat missing => one"],
  ["B: a file to a directory that is not there", "file", "missing/", "! no such directory"],
  ["C: a file over a file", "file", "other", "cat other => one"],
  ["D: a file into a directory", "file", "dir", "cat dir/file => one"],
  ["D: a file into a directory, by its slash", "file", "dir/", "cat dir/file => one"],
  ["D: a file into the contents of a directory", "file", "dir/.", "cat dir/file => one"],
  ["E: a directory to nothing", "dir", "missing", "cat missing/inner missing/sub/deep => inner\ndeep"],
  ["E: a directory to nothing, by its slash", "dir", "missing/", "cat missing/inner => inner"],
  ["F: a directory over a file", "dir", "other", "! cannot copy directory"],
  ["G: a directory into a directory", "dir", "into", "cat into/dir/inner into/dir/sub/deep => inner\ndeep"],
  ["H: what is in a directory, to nothing", "dir/.", "missing", "cat missing/inner missing/sub/deep => inner\ndeep"],
  ["I: what is in a directory, over a file", "dir/.", "other", "! cannot copy directory"],
  ["J: what is in a directory, into a directory", "dir/.", "into", "cat into/inner into/sub/deep => inner\ndeep"],
  ["a file as a directory", "file/", "missing", "! not a directory"],
  ["a file as the contents of a directory", "file/.", "missing", "! not a directory"],
  ["a file to a file as a directory", "file", "other/", "! not a directory"],
  ["to a directory that nobody made", "file", "no/such/place", "! no such directory"],
  ["a link, as itself", "to-dir", "missing", "readlink missing => dir"],
  ["a link, followed by its slash", "to-dir/", "missing", "cat missing/inner => inner"],
  ["a link, followed by its contents", "to-dir/.", "into", "cat into/inner => inner"],
  ["to a link to a directory", "file", "to-into", "cat into/file => one"],
  ["to a link to a file", "file", "to-other", "cat other; readlink to-other => one\nother"],
  ["to a link to nothing", "file", "to-missing", "cat missing; readlink to-missing => one\nmissing"],
  ["over a directory by a file's name", "inner", "holder", '! cannot overwrite directory "inner" with non-directory'],
  ["over a file by a directory's name", "clash", "holder", '! cannot overwrite non-directory "clash" with directory'],
];
const MORE =
  "mkdir into holder clash; ln -s dir to-dir; ln -s into to-into; ln -s other to-other; ln -s missing to-missing; echo i > inner; mkdir holder/inner; echo c > holder/clash";

async function follow(words: string[], check: string, look: (script: string) => Promise<string>): Promise<void> {
  if (check.startsWith("! ")) {
    expect(await refused(...words)).toContain(check.slice(2));
    return;
  }
  const [script = "", wanted = ""] = check.split(" => ");
  expect(await cp(...words)).toBe("");
  expect(await look(script)).toBe(wanted);
}

describe("docker's cases", () => {
  it("into a running container", async () => {
    await start();
    onHost(`${TREE}; ${MORE}`);
    for (const [name, source, destination, check] of CASES) {
      await inside(`rm -rf /w; mkdir /w; cd /w; ${TREE}; ${MORE}`);
      const look = (script: string): Promise<string> => inside(`cd /w; ${script}`);
      await follow([source, `c:/w/${destination}`], check, look).catch((error) => {
        throw new Error(`${name}: ${String(error)}`);
      });
    }
  });

  it("out of a running container", async () => {
    await start();
    await inside(`mkdir /w; cd /w; ${TREE}; ${MORE}`);
    for (const [name, source, destination, check] of CASES) {
      onHost(`rm -rf w; mkdir w; cd w; ${TREE}; ${MORE}`);
      const look = (script: string): Promise<string> => Promise.resolve(onHost(`cd w; ${script}`));
      await follow([`c:/w/${source}`, `w/${destination}`], check, look).catch((error) => {
        throw new Error(`${name}: ${String(error)}`);
      });
    }
  });

  it("into and out of one that was never started", async () => {
    await stage.env.ok(["create", "--network=none", "--name=c", "copied", "cat", "/var/run/file"]);
    onHost(TREE);
    await cp("dir", "c:/");
    await cp("c:/dir/sub", "back");
    expect(onHost("cat back/deep")).toBe("deep");
    await cp("file", "c:/var/run/");
    expect(await stage.env.ok(["start", "-a", "c"])).toBe("one");
    await cp("c:/run/file", "ended");
    expect(onHost("cat ended")).toBe("one");
  });
});

describe("between containers", () => {
  it("that run and that do not", async () => {
    await start();
    await stage.env.ok(["create", "--network=none", "--name=d", "copied", "cat", "/there/inner"]);
    await inside(`cd /tmp; ${TREE}`);
    await cp("c:/tmp/dir", "d:/there");
    expect(await stage.env.ok(["start", "-a", "d"])).toBe("inner");
    await cp("d:/there/sub/deep", "c:/tmp/again");
    await cp("c:/tmp/again", "c:/tmp/third");
    expect(await inside("cat /tmp/third")).toBe("deep");
  });
});

describe("owners and modes", () => {
  it("are root's inside and the user's outside, and as they were with -a", async () => {
    const { env } = stage;
    await start();
    onHost("echo x > file; chmod 640 file");
    await cp("file", "c:/tmp/plain");
    expect(await inside("stat -c '%u:%g %a' /tmp/plain")).toBe("0:0 640");
    await cp("c:/owned", "plain");
    const plain = statSync(join(env.home, "work/plain"));
    expect([plain.uid, plain.gid, plain.mode & 0o7777]).toEqual([env.user.uid, env.user.gid, 0o640]);
    await cp("-a", "c:/owned", "kept");
    expect(statSync(join(env.home, "work/kept")).uid).not.toBe(env.user.uid);
    await cp("-a", "kept", "c:/tmp/kept");
    expect(await inside("stat -c '%u:%g %a' /tmp/kept")).toBe("1000:1001 640");
    await cp("c:/owned", "c:/tmp/root");
    await cp("-a", "c:/owned", "c:/tmp/same");
    expect(await inside("stat -c '%u:%g' /tmp/root /tmp/same")).toBe("0:0\n1000:1001");
  });

  it("are not setuid outside unless asked", async () => {
    await start();
    await cp("c:/special", "plain");
    expect(onHost("stat -c %a plain")).toBe("755");
    await cp("-a", "c:/special", "kept");
    expect(onHost("stat -c %a kept")).toBe("4755");
  });

  it("of directories that are there stay", async () => {
    await start();
    onHost("mkdir -m 700 dir; echo x > dir/x; touch -d 2001-01-01 dir/x");
    await inside("chmod 1777 /tmp");
    await cp("dir/.", "c:/tmp");
    expect(await inside("stat -c %a /tmp; stat -c %y /tmp/x | cut -c1-4")).toBe("1777\n2001");
  });
});

describe("what is copied", () => {
  it("has links, hard links, FIFOs, odd names, attributes and no devices", async () => {
    await start();
    await inside(
      "mkdir /t; cd /t; echo a > a; ln a b; ln -s /etc/passwd l; mkfifo p; touch \"$(printf 'n\\377\\n')\" -- '-dash'; mkdir deep; cd deep; mkdir -p $(printf 'x%.0s' $(seq 200))/$(printf 'y%.0s' $(seq 200))",
    );
    await cp("c:/t", ".");
    expect(onHost("cd t; stat -c %h a; readlink l; test -p p; test -e ./-dash; ls | wc -l")).toBe("2\n/etc/passwd\n7");
    await cp("t", "c:/back");
    expect(await inside("cd /back; stat -c %h b; cat b; readlink l; test -p p; ls deep/*/ | wc -c")).toBe(
      "2\na\n/etc/passwd\n201",
    );
    const said = await stage.env.run(["cp", "c:/dev", "dev"], { cwd: join(stage.env.home, "work") });
    expect(said.code).toBe(0);
    expect(said.stderr).toContain("left out");
    expect(onHost("ls dev")).not.toContain("null");
  });

  it("is replaced whole or written in place where it is mounted", async () => {
    await start();
    onHost("echo 127.0.0.1 mine > hosts");
    await cp("hosts", "c:/etc/hosts");
    expect(await inside("cat /etc/hosts")).toBe("127.0.0.1 mine");
    expect(await inside("ls -a /etc | grep -c bunker || true")).toBe("0");
  });

  it("goes into volumes and binds, also at rest", async () => {
    const { env } = stage;
    onHost("mkdir bound; echo v > f");
    const flags = ["-v", "data:/data", "-v", `${join(env.home, "work/bound")}:/bound`];
    await env.ok(["create", "--network=none", "--name=c", ...flags, "copied"]);
    await cp("f", "c:/data/f");
    await cp("f", "c:/bound/f");
    expect(onHost("cat bound/f")).toBe("v");
    expect(readFileSync(join(env.dataHome, "volumes/data/_data/f"), "utf8")).toBe("v\n");
    await env.ok(["start", "c"]);
    await cp("c:/data/f", "again");
    expect(onHost("cat again")).toBe("v");
    await env.ok(["rm", "-f", "c"]);
    await env.ok(["volume", "rm", "data"]);
  });

  it("keeps holes", async () => {
    await start();
    await inside("dd if=/dev/zero of=/sparse bs=1 count=1 seek=200M 2>/dev/null");
    await cp("c:/sparse", "sparse");
    const copied = statSync(join(stage.env.home, "work/sparse"));
    expect(copied.size).toBe(200 * 1024 * 1024 + 1);
    expect(copied.blocks * 512).toBeLessThan(1024 * 1024);
  });

  it("is nothing of the kernel's", async () => {
    await start();
    expect(await refused("c:/proc/version", ".")).toContain("file system of the kernel");
    onHost("echo x > x");
    expect(await refused("x", "c:/proc/sys/kernel/x")).toContain("file system of the kernel");
  });

  it("lies where links in the root lead, and never outside", async () => {
    await start();
    onHost("echo x > x");
    await cp("x", "c:/var/run/x");
    expect(await inside("cat /run/x")).toBe("x");
    await cp("x", "c:/escape/planted");
    expect(await inside("cat /etc/planted")).toBe("x");
    expect(existsSync("/etc/planted")).toBe(false);
    await cp("-L", "c:/escape/planted", "got");
    expect(onHost("cat got")).toBe("x");
  });

  it("takes a directory's place with --overwrite", async () => {
    await start();
    onHost("mkdir -p h/name/full; touch h/name/full/x; echo f > name");
    await inside("mkdir -p /h/name/sub; touch /h/name/sub/y");
    await cp("--overwrite", "name", "c:/h");
    expect(await inside("cat /h/name")).toBe("f");
    await cp("--overwrite", "h/name", "c:/h");
    expect(await inside("ls /h/name/full")).toBe("x");
  });
});

/** `bunker cp` in a pipeline of the user's. */
function pipeline(script: string): string {
  return onHost(script.replaceAll("bunker", stage.env.program));
}

describe("archives", () => {
  it("go to standard output with their owners", async () => {
    await start();
    await inside(`cd /tmp; ${TREE}`);
    expect(pipeline("bunker cp c:/tmp/dir - | tar t")).toBe("dir/\ndir/inner\ndir/sub/\ndir/sub/deep");
    expect(pipeline("bunker cp c:/tmp/dir/. - | tar t")).toBe("./\ninner\nsub/\nsub/deep");
    expect(pipeline("bunker cp c:/tmp/file - | tar xO")).toBe("one");
    expect(pipeline("bunker cp c:/owned - | tar tv --numeric-owner")).toContain("1000/1001");
  });

  it("come from standard input, compressed or not, with their owners, through links that are there", async () => {
    await start();
    onHost(`${TREE}; mkdir -p tree/var/run tree/new; echo l > tree/var/run/linked; echo n > tree/new/n`);
    const tar = "tar c --owner=5 --group=6 --numeric-owner";
    for (const [name, filter] of [
      ["plain", "cat"],
      ["gzip", "gzip"],
      ["zstd", "zstd"],
    ]) {
      await inside(`mkdir /${name}`);
      pipeline(`${tar} dir | ${filter} | bunker cp - c:/${name}`);
      expect(await inside(`cat /${name}/dir/sub/deep; stat -c %u:%g /${name}/dir /${name}/dir/inner`)).toBe(
        "deep\n5:6\n5:6",
      );
    }
    pipeline(`${tar} -C tree var/run/linked new/n | bunker cp - c:/`);
    expect(await inside("cat /run/linked /new/n; readlink /var/run")).toBe("l\nn\n/run");
    expect(pipeline("tar c dir | bzip2 | bunker cp - c:/tmp 2>&1 || true")).toContain("bzip2");
  });

  it("need a directory to go to", async () => {
    await start();
    for (const place of ["/etc/passwd", "/missing", "/no/where"]) {
      const said = await stage.env.fails(["cp", "-", `c:${place}`], 1, { stdin: "" });
      expect(said).toContain(`destination "c:${place}" must be a directory`);
    }
  });

  it("that are cut or broken fail, and what came before stays", async () => {
    await start();
    onHost(
      "mkdir d; echo a > d/a; head -c 100000 /dev/urandom > d/b; tar c d/a d/b > whole; head -c 50000 whole > cut",
    );
    expect(pipeline("bunker cp - c:/tmp < cut 2>&1 || echo failed")).toContain("ends within an entry");
    expect(await inside("ls -A /tmp/d")).toBe("a");
    expect(pipeline("head -c 2000 /dev/urandom | bunker cp - c:/tmp 2>&1 || echo failed")).toContain("failed");
  });
});

describe("cp", () => {
  it("says what is wrong in docker's words", async () => {
    await start();
    onHost("echo x > x");
    expect(await refused("x", "y")).toContain("must specify at least one container source");
    expect(await refused("-", "-")).toContain("must specify at least one container source");
    expect(await refused("", "c:/")).toContain("source can not be empty");
    expect(await refused("c:/missing", ".")).toContain("Could not find the file /missing in container c");
    expect(await refused("missing", "c:/")).toMatch(/lstat .*missing: no such file or directory/);
    expect(await refused("nope:/x", ".")).toContain("no such container: nope");
    expect(await refused("./nope:/x", "c:/")).toMatch(/lstat .*nope:/);
  });

  it("tells a terminal what it did, and sends it no archive", async () => {
    await start();
    onHost("echo x > x");
    const summary = stage.env.terminal(["cp", "x", "c:/tmp"], { cwd: join(stage.env.home, "work") });
    await summary.waitFor(/Successfully copied/);
    const archive = stage.env.terminal(["cp", "c:/tmp", "-"]);
    await archive.waitFor(/refusing to write an archive to a terminal/);
  });

  it("stops when nobody reads", async () => {
    await start();
    expect(pipeline("bunker cp c:/bin - | head -c 10 | wc -c")).toBe("10");
  });
});
