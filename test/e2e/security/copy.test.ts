// cp against a hostile container (security.md V05, V50, V54, V68, V69): archives that try to get out, paths that change
// while they are copied, programs and libraries of the image. The canary is checked after each test.

import { afterEach, describe, expect } from "bun:test";
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";

import { isLong } from "../../support/guards.ts";
import { hostileImage } from "../../support/hostile.ts";
import { hostileLinks, hostileNames, hostileWhiteouts } from "../../support/hostile-layers.ts";
import { makeLayer } from "../../support/image.ts";
import { busyboxWith, useStage } from "../../support/stage.ts";
import { file, makeTar, symlink } from "../../support/tar.ts";

/** Copies in each direction, of each kind. */
const COPIES = isLong() ? 2500 : 20;

const stage = useStage({
  needs: ["probe"],
  prepare: async (opened) => {
    const trap = "#!/bin/sh\ntouch /ran\n";
    const programs = ["bin/tar", "bin/gzip", "bin/xz", "usr/bin/unpigz", "etc/ld.so.preload", "lib/libnss_files.so.2"];
    const traps = makeLayer(programs.map((name) => ({ ...file(name, trap), mode: 0o755 })));
    await opened.add("traps", busyboxWith({ Cmd: ["sleep", "1000"] }, [traps]));
    await opened.add("hostile", hostileImage());
  },
});
const { it } = stage;

afterEach(() => stage.env.run(["rm", "-f", "c"]));

describe("archives through cp -", () => {
  it("never leave the container, and end with a reason or a result", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--network=none", "--name=c", "traps"]);
    const all = [...hostileNames(), ...hostileLinks(stage.canary.root), ...hostileWhiteouts()];
    for (const [at, { name, archive }] of all.entries()) {
      await env.ok(["exec", "c", "mkdir", `/in${at}`]);
      const { code, stderr } = await env.run(["cp", "-", `c:/in${at}`], { stdin: archive });
      expect([0, 1], `${name}: ${stderr}`).toContain(code as number);
      expect(stderr, name).not.toMatch(/bug|panic|undefined|worker process ended/);
    }
  });

  it("that go to the host by way of a container follow no link there", async () => {
    const { env } = stage;
    // The container's tree has a link where the user's has a directory, and the other way round.
    const { root } = stage.canary;
    const archive = makeTar([symlink("t/a", root), file("t/b/file", "new")]);
    await env.ok(["run", "-d", "--network=none", "--name=c", "traps"]);
    await env.ok(["cp", "-", "c:/tmp"], { stdin: archive });
    const asUser = (script: string) => Bun.spawnSync(env.command(["sh", "-ec", script])).exitCode;
    expect(asUser(`mkdir -p out/t/a; ln -s ${root} out/t/b`)).toBe(0);
    expect(await env.fails(["cp", "c:/tmp/t", "out"], 1)).toContain("cannot overwrite");
    expect(asUser(`rm -r out/t/a`)).toBe(0);
    // The directory `b` of the container is a link here.
    expect(await env.fails(["cp", "c:/tmp/t", "out"], 1)).toContain("cannot overwrite");
    expect(existsSync(join(root, "file"))).toBe(false);
  });
});

describe("the image's programs and libraries", () => {
  it("are run by nobody (CVE-2019-14271)", async () => {
    const { env } = stage;
    await env.ok(["run", "-d", "--network=none", "--name=c", "traps"]);
    await env.ok(["cp", "c:/etc", join(env.home, "copied-etc")]);
    const archive = Bun.gzipSync(Buffer.from(makeTar([file("x", "x")])));
    await env.ok(["cp", "-", "c:/tmp"], { stdin: archive });
    expect(await env.ok(["exec", "c", "ls", "/tmp"])).toBe("x");
    await env.fails(["cp", "c:/ran", env.home], 1);
  });
});

describe("while somebody inside exchanges a directory with a link", () => {
  /** `/s/a` is a directory with `file` in it, `/s/b` a link to the host's canary, and they change places. */
  async function race(words: (at: number) => string[], check: (at: number) => void): Promise<Map<number, number>> {
    const { env } = stage;
    const { root } = stage.canary;
    const script = `mkdir -p /s/a; echo inside > /s/a/file; ln -s ${root} /s/b; mkdir -p ${root}; exec /attack swap /stop /s/a /s/b`;
    await env.ok(["run", "-d", "--network=none", "--name=c", "hostile", "sh", "-c", script]);
    const codes = new Map<number, number>();
    for (let at = 0; at < COPIES; at += 1) {
      const { code, stdout, stderr } = await env.run(words(at));
      const told = `${stdout}${stderr}`;
      expect(told).not.toContain(stage.canary.secret);
      expect(told).not.toMatch(/bug|panic|worker process ended/);
      codes.set(code ?? -1, (codes.get(code ?? -1) ?? 0) + 1);
      check(at);
    }
    await env.run(["exec", "c", "touch", "/stop"]);
    await env.run(["wait", "c"]);
    expect(JSON.parse(await env.ok(["logs", "c"])).swaps).toBeGreaterThan(COPIES);
    expect([...codes.keys()].filter((code) => code !== 0 && code !== 1)).toEqual([]);
    return codes;
  }

  /** No byte of the canary's in anything that was copied out. */
  function expectClean(path: string): void {
    // Links that were copied are followed by nobody here.
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== false) return;
    const found = Bun.spawnSync(["grep", "--recursive", "--files-with-matches", stage.canary.secret, path]);
    expect(found.stdout.toString()).toBe("");
  }

  it("nothing of the host's is copied out", async () => {
    const { env } = stage;
    for (const path of ["/s", "/s/a/.", "/s/a/file", "/s/b/."]) {
      const out = join(env.home, "out");
      const codes = await race(
        () => ["cp", `c:${path}`, out],
        () => {
          expectClean(out);
          Bun.spawnSync(env.command(["rm", "-rf", out]));
        },
      );
      expect(codes.get(0) ?? 0, path).toBeGreaterThan(0);
      await env.run(["rm", "-f", "c"]);
    }
  });

  it("nothing of the host's is changed by copying in", async () => {
    const { env } = stage;
    const source = join(env.home, "source");
    Bun.spawnSync(env.command(["sh", "-c", `mkdir -p ${source}/a; echo planted > ${source}/a/planted`]));
    for (const [from, to] of [
      [`${source}/a/planted`, "/s/a/planted"],
      [`${source}/a`, "/s"],
      [`${source}/.`, "/s"],
    ]) {
      await race(
        () => ["cp", from ?? "", `c:${to}`],
        () => expect(existsSync(join(stage.canary.root, "planted"))).toBe(false),
      );
      await env.run(["rm", "-f", "c"]);
    }
  });
});
