// The Rust parts: the static helper programs, and the addon with the keeper inside.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import { cargoBuild, hasTarget, productPath, targetDirectory } from "./cargo.ts";
import { fingerprint, writeIfChanged } from "./files.ts";
import type { Platform } from "./platform.ts";

/** What the addon may need at run time: the loader and libc, nothing that a small machine lacks. */
const ALLOWED_NEEDS = /^(libc\.so\.6|ld-linux-.*\.so\.\d)$/;

const PROGRAMS = ["keeper", "worker", "hello"] as const;
const TEST_PROGRAMS = ["probe", "attack", "stopwatch"] as const;

/** The static programs, at `<output>/native/<name>`; those of the tests at `<output>/test/<name>`. */
export function buildPrograms(platform: Platform, withProbe: boolean): void {
  const { target, flags, environment } = staticTarget(platform);
  const packages = withProbe ? ["bunker-keeper", "bunker-probe"] : ["bunker-keeper"];
  cargoBuild({ target, packages, flags, environment });
  for (const name of PROGRAMS) install(productPath(target, name), `${platform.output}/native/${name}`);
  if (!withProbe) return;
  for (const name of TEST_PROGRAMS) install(productPath(target, name), `${platform.output}/test/${name}`);
}

function staticTarget({ muslTarget, gnuTarget, cross }: Platform) {
  if (!hasTarget(muslTarget)) {
    console.error(
      `build: warning: no Rust target ${muslTarget}: linking statically with glibc (larger, slower to start)`,
    );
    const environment = linkerSetting(gnuTarget, cross ? compilerOf(gnuTarget) : null);
    return { target: gnuTarget, flags: ["-Ctarget-feature=+crt-static"], environment };
  }
  // Rust's musl targets bring their own libc, so Rust's own linker is enough where there is no C compiler for them.
  return { target: muslTarget, flags: [], environment: linkerSetting(muslTarget, cross ? "rust-lld" : null) };
}

/** Debian's name for the C compiler of another architecture. */
function compilerOf(gnuTarget: string): string {
  return `${gnuTarget.replace("-unknown", "")}-gcc`;
}

/** Nothing where the default does: cargo would build macros and build scripts again whenever the setting comes or goes. */
function linkerSetting(target: string, linker: string | null): Record<string, string> {
  if (linker === null) return {};
  return { [`CARGO_TARGET_${target.toUpperCase().replaceAll("-", "_")}_LINKER`]: linker };
}

/** The addon at `<output>/native/bunker.addon`; returns the folder with the type definitions its macros wrote. */
export async function buildAddon(platform: Platform): Promise<string> {
  const { gnuTarget, cross, output } = platform;
  const linker = cross ? compilerOf(gnuTarget) : null;
  // The macros write only when the crate is compiled: a folder per content makes cargo compile exactly then.
  const sources = await fingerprint(["crates/napi/src/**/*.rs", "crates/napi/Cargo.toml"], [gnuTarget]);
  const typesFolder = `${targetDirectory()}/napi-types/${sources.slice(0, 16)}`;
  mkdirSync(typesFolder, { recursive: true });
  cargoBuild({
    target: gnuTarget,
    packages: ["bunker-napi"],
    flags: ["-L", `native=${unwinderFolder(gnuTarget, linker ?? "cc")}`],
    environment: {
      BUNKER_KEEPER: resolve(output, "native/keeper"),
      BUNKER_WORKER: resolve(output, "native/worker"),
      NAPI_TYPE_DEF_TMP_FOLDER: typesFolder,
      ...linkerSetting(gnuTarget, linker),
    },
  });
  const product = productPath(gnuTarget, "libbunker_napi.so");
  refuseOtherNeeds(product);
  install(product, `${output}/native/bunker.addon`);
  return typesFolder;
}

/**
 * Rust asks for the shared libgcc_s, which minimal systems lack. A linker script of that name, found first, gives it the
 * static unwinder instead. That one asks glibc 2.35 where the unwind tables lie; saying "nowhere" keeps 2.34 enough and
 * costs nothing: a panic of ours aborts without unwinding.
 */
function unwinderFolder(target: string, compiler: string): string {
  const folder = `${targetDirectory()}/static-unwinder/${target}`;
  const source = `${folder}/no-tables.c`;
  const object = `${folder}/no-tables.o`;
  const changed = writeIfChanged(source, "int _dl_find_object(void *address, void *result) { return -1; }\n");
  if (changed || !existsSync(object)) {
    const compiled = Bun.spawnSync([compiler, "-c", "-O2", "-w", "-fPIC", "-o", object, source], { stderr: "inherit" });
    if (!compiled.success) throw new Error(`compiling ${source} failed`);
  }
  writeIfChanged(`${folder}/libgcc_s.so`, `INPUT(${object} -lgcc_eh)\n`);
  return folder;
}

function refuseOtherNeeds(library: string): void {
  const { stdout, success } = Bun.spawnSync(["readelf", "--dynamic", "--wide", library]);
  if (!success) throw new Error(`readelf failed on ${library}`);
  const needs = [...stdout.toString().matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name ?? "");
  const others = needs.filter((name) => !ALLOWED_NEEDS.test(name));
  if (needs.length === 0 || others.length > 0) {
    throw new Error(`the addon must need libc only, but it needs: ${needs.join(", ")}`);
  }
}

function install(product: string, path: string): void {
  writeIfChanged(path, readFileSync(product), 0o755);
}
