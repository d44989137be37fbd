// TypeScript to one executable. The flags are not a matter of taste: see each.

import { copyFileSync, existsSync, renameSync, rmSync } from "node:fs";
import { resolve } from "node:path";

import type { BunPlugin } from "bun";

import { bunFor } from "./bun-program.ts";
import { fingerprint, unlessMade } from "./files.ts";
import type { Platform } from "./platform.ts";

const ENTRY = "src/main.ts";

/** Returns whether it had to be built. */
export async function bundle(platform: Platform): Promise<boolean> {
  const { output } = platform;
  if (!existsSync(ENTRY)) throw new Error(`${ENTRY} is missing`);
  const assets = [`${output}/native/bunker.addon`, `${output}/hello/*`];
  const sources = [
    "src/**/*",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "scripts/build.ts",
    "scripts/build/*",
  ];
  const print = await fingerprint([...sources, ...assets], [Bun.version, platform.architecture]);
  const product = `${output}/bunker`;
  return unlessMade({ stampPath: `${output}/.stamp/bundle`, product, print }, () => compile(platform, product));
}

async function compile(platform: Platform, product: string): Promise<void> {
  // Aside, since Bun also leaves source maps beside what it compiles (they are inside, too). The name is part of the bytes.
  const aside = resolve(platform.output, ".compile");
  const outfile = `${aside}/bunker`;
  const executablePath = platform.cross ? await bunFor(platform) : undefined;
  const result = await Bun.build({
    entrypoints: [ENTRY],
    target: "bun",
    // One chunk per lazily imported command, as parsed bytecode: start-up costs what the command needs, not the whole.
    format: "esm",
    splitting: true,
    bytecode: true,
    minify: true,
    sourcemap: "inline",
    plugins: [cittyWithoutParser, assetsOf(platform)],
    compile: {
      target: platform.bunTarget,
      outfile,
      // Otherwise a bunfig.toml or .env in the current directory would run and set what it likes.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
      // No eval: also keeps code from being smuggled in through BUN_OPTIONS and BUN_INSPECT.
      execArgv: ["--disallow-code-generation-from-strings=strict"],
      ...(executablePath === undefined ? {} : { executablePath }),
    },
  });
  if (!result.success) throw new AggregateError(result.logs, "bundling failed");
  // Copied, not renamed: what is written in one go lies in larger pieces of the page cache, and starts half a millisecond sooner.
  copyFileSync(outfile, `${product}.new`);
  renameSync(`${product}.new`, product);
  rmSync(aside, { recursive: true });
}

/**
 * citty imports node:util (1.2 ms at start) for an argument parser that we do not use: src/cli/flags.ts parses. Bun's
 * plugins cannot replace node: modules, so the importing line goes.
 */
const cittyWithoutParser: BunPlugin = {
  name: "citty-without-parser",
  setup(build) {
    build.onLoad({ filter: /\/citty\/dist\/index\.mjs$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const line = 'import { parseArgs as parseArgs$1 } from "node:util";';
      if (!source.includes(line)) throw new Error("citty has changed: look at its use of node:util again");
      const refusal = 'function parseArgs$1() { throw new Error("flags are parsed by src/cli/flags.ts"); }';
      return { contents: source.replace(line, refusal), loader: "js" };
    });
  },
};

/** Sources name dist/native and dist/hello; a build for another architecture takes its own. */
function assetsOf({ cross, output }: Platform): BunPlugin {
  return {
    name: "assets-of-the-platform",
    setup(build) {
      if (!cross) return;
      build.onResolve({ filter: /\/dist\/(native|hello)\// }, ({ path }) => ({
        path: resolve(output, path.slice(path.indexOf("/dist/") + "/dist/".length)),
      }));
    },
  };
}
