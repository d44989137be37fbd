// A release: everything that is given away, in dist/release, with the sums to check it by.
//
//   bunker-linux-{amd64,arm64}   the programs, not stripped: that would cut off what they carry
//   LICENCES.txt                 of everything inside
//   bunker.cdx.json              the bill of materials (CycloneDX 1.5)
//   man/ completions/            made from the command table
//   SHA256SUMS

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { version } from "../package.json";
import { completionScript } from "../src/cli/completion.ts";
import { hostArchitecture } from "./build/platform.ts";
import { billOfMaterials, licences } from "./release/documents.ts";
import { manPages } from "./release/man.ts";
import { materials } from "./release/materials.ts";

const OUTPUT = "dist/release";
const ARCHITECTURES = ["amd64", "arm64"] as const;
const SHELLS = ["bash", "fish", "zsh"] as const;
/** Debian's place for another architecture's libraries. */
const ARM64_ROOT = "/usr/aarch64-linux-gnu";
const NOT_TO_BE_FOUND = "nothing runs arm64 programs here";

rmSync(OUTPUT, { recursive: true, force: true });
for (const folder of ["man", "completions"]) mkdirSync(join(OUTPUT, folder), { recursive: true });
for (const architecture of ARCHITECTURES) {
  run([process.execPath, "scripts/build.ts", "--target", architecture]);
  const built = architecture === hostArchitecture() ? "dist/bunker" : `dist/${architecture}/bunker`;
  const program = join(OUTPUT, `bunker-linux-${architecture}`);
  copyFileSync(built, program);
  console.log(`release: ${program}: ${tryOut(program, architecture)}`);
}
const parts = materials();
write("LICENCES.txt", licences(parts));
write("bunker.cdx.json", billOfMaterials(version, parts));
for (const [name, text] of await manPages({ date: today(), version })) write(`man/${name}`, text);
for (const shell of SHELLS) write(`completions/bunker.${shell}`, await completionScript(shell));
writeSums();
console.log(`release: ${version} is in ${OUTPUT}`);

/** The source's day, where its packager says one (reproducible-builds.org). */
function today(): string {
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  const day = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);
  return day.toISOString().slice(0, "2026-01-01".length);
}

function write(name: string, text: string): void {
  writeFileSync(join(OUTPUT, name), text);
}

function writeSums(): void {
  const files = [...new Bun.Glob("**/*").scanSync({ cwd: OUTPUT })].sort();
  const sum = (file: string): string => Bun.CryptoHasher.hash("sha256", readFileSync(join(OUTPUT, file)), "hex");
  write("SHA256SUMS", files.map((file) => `${sum(file)}  ${file}\n`).join(""));
}

/** Started once, by an emulator where need be. @throws when it says anything but its version */
function tryOut(program: string, architecture: (typeof ARCHITECTURES)[number]): string {
  const emulator = architecture === hostArchitecture() ? [] : emulatorOf();
  if (emulator === null) return NOT_TO_BE_FOUND;
  const said = run([...emulator, program, "--version"]);
  if (!said.startsWith(`bunker version ${version}`)) throw new Error(`${program} says ${JSON.stringify(said)}`);
  return said.trim();
}

function emulatorOf(): string[] | null {
  const emulator = Bun.which("qemu-aarch64-static") ?? Bun.which("qemu-aarch64");
  return emulator === null || !existsSync(ARM64_ROOT) ? null : [emulator, "-L", ARM64_ROOT];
}

function run(words: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(words);
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: exit code ${exitCode}\n${stderr.toString()}`);
  return stdout.toString();
}
