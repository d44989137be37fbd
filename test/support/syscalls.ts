// System calls by name and number, from the runtime's own table of this machine's architecture.

import { readFileSync } from "node:fs";
import { join } from "node:path";

let table: Map<string, number> | null = null;

/** @throws when this architecture has no such call */
export function syscallNumber(name: string): number {
  table ??= readTable();
  const number = table.get(name);
  if (number === undefined) throw new Error(`no system call "${name}" here`);
  return number;
}

export function syscallName(number: number): string {
  table ??= readTable();
  return [...table].find(([, known]) => known === number)?.[0] ?? String(number);
}

function readTable(): Map<string, number> {
  const path = join(import.meta.dir, "../../crates/runtime/src/seccomp/table.rs");
  const architecture = process.arch === "x64" ? "x86_64" : "aarch64";
  const tables = readFileSync(path, "utf8").split("pub(crate) const SYSCALLS");
  const own = tables.findIndex((text) =>
    text.trimEnd().endsWith(`#[cfg(target_arch = "${architecture}")]\n#[rustfmt::skip]`),
  );
  const entries = (tables[own + 1] ?? "").split("];")[0] ?? "";
  return new Map([...entries.matchAll(/\("(\w+)", (\d+)\)/g)].map(([, name = "", number]) => [name, Number(number)]));
}
