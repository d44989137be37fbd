// A pulled image as a container would see it: its layers mounted on top of each other, read-only, inside the test's host.
//
//   await using root = await MergedRoot.mount(env, reference);
//   root.files()                                   // described, ids as they are inside the user's namespace

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "./environment.ts";
import { describeFiles, type DescribeOptions, IdMap } from "./file-tree.ts";
import { runProgram } from "./program.ts";

export class MergedRoot {
  readonly #env: TestEnv;
  readonly #place: string;

  private constructor(env: TestEnv, place: string) {
    this.#env = env;
    this.#place = place;
  }

  static async mount(env: TestEnv, image: string): Promise<MergedRoot> {
    const lower = await env.ok(["image", "inspect", "-f", "{{.GraphDriver.Data.LowerDir}}", image]);
    const base = join(env.host.base, `merged-${crypto.randomUUID()}`);
    // Overlay wants two layers where nothing is written.
    for (const name of ["root", "empty"]) mkdirSync(join(base, name), { recursive: true });
    const place = join(base, "root");
    const options = `ro,userxattr,lowerdir=${join(base, "empty")}:${lower}`;
    await runProgram(env.host.enter(["mount", "-t", "overlay", "-o", options, "bunker-test", place], "/"));
    return new MergedRoot(env, place);
  }

  /** Where it is for us. */
  get path(): string {
    return this.#env.host.view(this.#place);
  }

  /** The root itself aside: that is the empty layer's. */
  files(options: DescribeOptions = {}): string[] {
    return describeFiles(this.path, { owners: new IdMap(this.#env.user), ...options }).slice(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runProgram(this.#env.host.enter(["umount", this.#place], "/"));
  }
}
