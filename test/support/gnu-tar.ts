// What GNU tar makes of an archive, in a root of its own (chroot): the yardstick for layers that try to get out.
//
//   using tar = await GnuTar.create();
//   const files = await tar.extract(archive);       // as describeFiles, the root aside; null: tar refused

import { copyFileSync, mkdirSync } from "node:fs";
import { basename } from "node:path";

import { makeDirectory, type TestDirectory } from "./directory.ts";
import { describeFiles } from "./file-tree.ts";
import { runProgram } from "./program.ts";

const TOOLS = ".tools";
const LOADER = /^ld-linux/;
const TIMEOUT_MS = 20_000;

export class GnuTar {
  readonly #directory: TestDirectory;
  readonly #loader: string;
  #count = 0;

  private constructor(directory: TestDirectory, loader: string) {
    this.#directory = directory;
    this.#loader = loader;
  }

  static async create(): Promise<GnuTar> {
    const directory = makeDirectory();
    const program = Bun.which("tar") ?? "/bin/tar";
    const needs = (await runProgram(["ldd", program])).matchAll(/(\/\S+)/g);
    const files = [program, ...[...needs].map(([path]) => path)];
    mkdirSync(directory.file(TOOLS));
    for (const path of files) copyFileSync(path, directory.file(`${TOOLS}/${basename(path)}`));
    await runProgram(["chmod", "-R", "755", directory.file(TOOLS)]);
    const loader = files.map((path) => basename(path)).find((name) => LOADER.test(name)) ?? "";
    return new GnuTar(directory, loader);
  }

  async extract(archive: Uint8Array): Promise<string[] | null> {
    this.#count += 1;
    const root = this.#directory.file(`root-${this.#count}`);
    mkdirSync(root);
    // Hard links: a copy would cost more than all the rest.
    await runProgram(["cp", "--archive", "--link", this.#directory.file(TOOLS), `${root}/${TOOLS}`]);
    const tool = (name: string): string => `/${TOOLS}/${name}`;
    const options = ["--extract", "--absolute-names", "--preserve-permissions", "--numeric-owner", "--file=-"];
    const child = Bun.spawn(
      ["chroot", root, tool(this.#loader), "--library-path", `/${TOOLS}`, tool("tar"), ...options],
      {
        stdin: archive,
        stdout: "ignore",
        stderr: "ignore",
        env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8" },
        timeout: TIMEOUT_MS,
      },
    );
    const accepted = (await child.exited) === 0;
    return accepted ? describeFiles(root, { except: [TOOLS] }).slice(1) : null;
  }

  [Symbol.dispose](): void {
    this.#directory.remove();
  }
}
