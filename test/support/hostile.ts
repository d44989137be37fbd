// An image with a shell, the posture probe and the attacks, and what an attack says.
//
//   const image = hostileImage({ run: { User: "1000" }, files: [symlink("proc", "/")] });
//   const reference = registry.push("hostile", "1", image);
//   const answers = await attack(env, ["run", "--rm", reference], ["calls", "41 38 5 0"]);

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "./environment.ts";
import { type Image, type ImageOptions, makeImage, makeLayer, type Layer } from "./image.ts";
import { directory, file, symlink, type TarEntry } from "./tar.ts";

const PROGRAMS = join(import.meta.dir, "../../dist/test");
export const PASSWD = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n";
export const GROUP = "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n";

let base: Layer | null = null;

/** busybox, probe and attack; made once, so that every image of a test shares it. */
function baseLayer(): Layer {
  base ??= makeLayer(
    [
      directory("bin"),
      program("bin/busybox", "/bin/busybox"),
      ...applets().map((name) => symlink(`bin/${name}`, "busybox")),
      program("probe", join(PROGRAMS, "probe")),
      program("attack", join(PROGRAMS, "attack")),
      directory("etc"),
      file("etc/passwd", PASSWD),
      file("etc/group", GROUP),
      directory("root", { mode: 0o700 }),
      directory("tmp", { mode: 0o1777 }),
    ],
    { compression: "none" },
  );
  return base;
}

function program(name: string, path: string): TarEntry {
  return file(name, readFileSync(path), { mode: 0o755 });
}

function applets(): string[] {
  const names = Bun.spawnSync(["/bin/busybox", "--list"]).stdout.toString().split("\n");
  return names.filter((name) => name !== "" && name !== "busybox");
}

/** `files`: a layer of its own above, the one that is hostile. */
export function hostileImage(options: ImageOptions & { files?: (TarEntry | Uint8Array)[] } = {}): Image {
  const { files = [], run = {}, ...rest } = options;
  const above = files.length === 0 ? [] : [makeLayer(files)];
  return makeImage({ layers: [baseLayer(), ...above], run: { Env: ["PATH=/bin"], Cmd: ["sh"], ...run }, ...rest });
}

/** Runs an attack in a container and reads what it says. @throws when it could not even try */
export async function attack(env: TestEnv, container: string[], words: string[]): Promise<unknown> {
  return JSON.parse(await env.ok([...container, "/attack", ...words]));
}

/** What system calls answer there; each as `NUMBER ARGUMENT…`. */
export async function answers(env: TestEnv, container: string[], calls: string[]): Promise<string[]> {
  return (await attack(env, container, ["calls", ...calls])) as string[];
}
