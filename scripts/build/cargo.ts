// One cargo call for one target: which linker, which flags, where the products lie. Cargo itself decides what is stale.

import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";

export interface CargoRequest {
  target: string;
  packages: string[];
  flags: string[];
  environment: Record<string, string>;
}

const MANIFEST = "crates/Cargo.toml";

export function targetDirectory(): string {
  return resolve(process.env["CARGO_TARGET_DIR"] ?? "crates/target");
}

/** Where cargo puts what it builds for `target`. */
export function productPath(target: string, name: string): string {
  return `${targetDirectory()}/${target}/release/${name}`;
}

export function hasTarget(target: string): boolean {
  const found = Bun.spawnSync(["rustc", "--print", "target-libdir", "--target", target]);
  return found.success && existsSync(found.stdout.toString().trim());
}

export function cargoBuild({ target, packages, flags, environment }: CargoRequest): void {
  const args = ["build", "--release", "--locked", "--quiet", "--manifest-path", MANIFEST, "--target", target];
  for (const name of packages) args.push("--package", name);
  const result = Bun.spawnSync(["cargo", ...args], {
    stdout: "inherit",
    stderr: "inherit",
    env: {
      ...process.env,
      ...environment,
      // With --target these are not used for build scripts and macros, which run here.
      CARGO_ENCODED_RUSTFLAGS: [...flags, ...reproducible()].join("\x1f"),
    },
  });
  if (!result.success) throw new Error(`cargo build failed for ${packages.join(", ")} (${target})`);
}

/** Panic messages name source files: say where in the tree, not where on this machine. */
function reproducible(): string[] {
  const cargoHome = process.env["CARGO_HOME"] ?? `${homedir()}/.cargo`;
  return [`--remap-path-prefix=${resolve("crates")}=crates`, `--remap-path-prefix=${cargoHome}/registry/src=crates.io`];
}
