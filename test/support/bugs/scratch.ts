// A copy of the source in which bugs are planted, so that the real one never has them. It is built like the real one, with a
// target directory of its own for cargo, and its tests run its own program.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Edit } from "./bug.ts";

const ROOT = join(import.meta.dir, "../../..");
const FOLDERS = ["crates", "scripts", "src", "test"];
const FILES = ["package.json", "package-lock.json", "tsconfig.json", "bunfig.toml", "LICENSE"];
/** What is copied into a test of a minute would be one of an hour. */
const TEST_TIMEOUT_MS = 120_000;

export interface Ran {
  code: number;
  output: string;
}

export class Scratch {
  readonly #place: string;

  /** Makes the copy anew; what was compiled for the last one is kept. */
  constructor(place: string) {
    this.#place = place;
    mkdirSync(place, { recursive: true });
    for (const folder of FOLDERS) {
      rmSync(join(place, folder), { recursive: true, force: true });
      cpSync(join(ROOT, folder), join(place, folder), {
        recursive: true,
        preserveTimestamps: true,
        filter: (path) => path !== join(ROOT, "crates/target"),
      });
    }
    for (const file of FILES) cpSync(join(ROOT, file), join(place, file));
    const modules = join(place, "node_modules");
    if (!existsSync(modules)) symlinkSync(join(ROOT, "node_modules"), modules);
  }

  /** With the edits in place, until `use` has ended. */
  async planted(edits: readonly Edit[], use: () => Promise<void>): Promise<void> {
    const before = new Map<string, string>();
    try {
      for (const { file, is, becomes } of edits) {
        const path = join(this.#place, file);
        const text = readFileSync(path, "utf8");
        if (!before.has(path)) before.set(path, text);
        writeFileSync(
          path,
          text.replace(is, () => becomes),
        );
      }
      await use();
    } finally {
      for (const [path, text] of before) writeFileSync(path, text);
    }
  }

  build(): Promise<Ran> {
    return this.#run([process.execPath, "scripts/build.ts", "--probe"]);
  }

  /** One file's tests whose names contain `name`. */
  test(file: string, name: string): Promise<Ran> {
    const pattern = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const words = [`--timeout=${TEST_TIMEOUT_MS}`, `./test/e2e/${file}`, "-t", pattern];
    return this.#run([process.execPath, "test", ...words]);
  }

  async #run(command: string[]): Promise<Ran> {
    const child = Bun.spawn(command, {
      cwd: this.#place,
      env: {
        ...process.env,
        BUNKER_TEST_LONG: undefined,
        BUNKER_TEST_MUST_RUN: "1",
        CARGO_TARGET_DIR: join(this.#place, "crates/target"),
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { code, output: stdout + stderr };
  }
}
