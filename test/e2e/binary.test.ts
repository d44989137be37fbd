// The file itself: what it needs, what it carries, and that nothing lying around can make it run other code.

import { describe, expect } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { TestEnv } from "../support/environment.ts";
import { requires } from "../support/guards.ts";

const DIST = resolve(import.meta.dir, "../../dist");
/** Bun's own needs; all of them parts of glibc. */
const LIBC = /^(libc|libpthread|libdl|libm)\.so\.\d+$|^ld-linux/;
/** What README promises. */
const GLIBC_FLOOR = 34;
const MIB = 1 << 20;

const it = requires("root", "bunker");

function readelf(option: string, path: string): string {
  return Bun.spawnSync(["readelf", "--wide", option, path]).stdout.toString();
}

function needsOf(path: string): string[] {
  return [...readelf("--dynamic", path).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name = ""]) => name);
}

describe("the binary", () => {
  it("needs nothing but libc, not newer than README says", () => {
    for (const path of [join(DIST, "bunker"), join(DIST, "native/bunker.addon")]) {
      expect(needsOf(path).filter((name) => !LIBC.test(name))).toEqual([]);
      const versions = [...readelf("--version-info", path).matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) =>
        Number(minor),
      );
      expect(Math.max(...versions)).toBeLessThanOrEqual(GLIBC_FLOOR);
    }
  });

  it("carries a static keeper of moderate size and a hello of less than half a megabyte", () => {
    for (const [name, limit] of [
      ["keeper", 2 * MIB],
      ["hello", MIB / 2],
    ] as const) {
      const path = join(DIST, "native", name);
      expect(readelf("--program-headers", path)).not.toContain("INTERP");
      expect(readFileSync(path).length).toBeLessThan(limit);
      expect(readFileSync(join(DIST, "bunker")).includes(readFileSync(path))).toBe(true);
    }
  });

  it("carries an image whose digests are right", () => {
    const part = (name: string) => readFileSync(join(DIST, "hello", name));
    const digest = (bytes: Uint8Array) => `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
    const manifest = JSON.parse(part("manifest.json").toString());
    const config = JSON.parse(part("config.json").toString());
    expect(manifest.config).toMatchObject({ digest: digest(part("config.json")), size: part("config.json").length });
    expect(manifest.layers).toMatchObject([{ digest: digest(part("layer.tar")), size: part("layer.tar").length }]);
    expect(config.rootfs.diff_ids).toEqual([digest(part("layer.tar"))]);
    const list = Bun.spawnSync(["tar", "-tvf", join(DIST, "hello/layer.tar")]);
    expect(list.stdout.toString()).toMatch(/^-rwxr-xr-x 0\/0 +\d+ .* hello\n$/);
  });

  it("runs no code and reads no settings from the current directory", async () => {
    await using env = await TestEnv.create();
    const plain = await env.run(["--version"]);
    expect(plain.code).toBe(0);
    const directory = env.makeDirectory("hostile");
    const trap = `require("node:fs").writeFileSync(${JSON.stringify(join(env.home, "trapped"))}, "");`;
    writeFileSync(join(directory, "trap.ts"), trap);
    writeFileSync(join(directory, "bunfig.toml"), 'preload = ["./trap.ts"]\n[run]\npreload = ["./trap.ts"]\n');
    writeFileSync(join(directory, ".env"), "BUN_OPTIONS=--preload ./trap.ts\nXDG_DATA_HOME=/nowhere\n");
    writeFileSync(join(directory, "package.json"), '{"name": "bunker", "version": "6.6.6", "main": "trap.ts"}');
    writeFileSync(join(directory, "tsconfig.json"), '{"compilerOptions": {"paths": {"*": ["./trap.ts"]}}}');
    for (const args of [["--version"], ["ps"], ["images"]]) {
      const there = await env.run(args, { cwd: directory });
      expect(there).toEqual(await env.run(args));
    }
    expect((await env.run(["--version"], { cwd: directory })).stdout).toBe(plain.stdout);
    expect(existsSync(join(env.home, "trapped"))).toBe(false);
  });

  it("takes no code from BUN_OPTIONS", async () => {
    await using env = await TestEnv.create();
    writeFileSync(join(env.home, "trap.js"), `require("node:fs").writeFileSync("${env.home}/trapped", "");`);
    await env.run(["--version"], { environment: { BUN_OPTIONS: `--preload ${env.home}/trap.js` } });
    expect(existsSync(join(env.home, "trapped"))).toBe(false);
  });

  it("leaves nothing in shared temporary directories", async () => {
    await using env = await TestEnv.create();
    await env.run(["ps"]);
    await env.run(["images"]);
    expect(readdirSync(env.temporaryDirectory)).toEqual([]);
    expect(readdirSync(env.host.view("/dev/shm"))).toEqual([]);
  });
});
