// Files the build writes: only when their content changes, so that nothing after them is made again for nothing.

import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Returns whether the file changed. Replaces rather than overwrites: the old program may be running. */
export function writeIfChanged(path: string, content: string | Uint8Array, mode = 0o644): boolean {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  if (existsSync(path) && Buffer.compare(readFileSync(path), bytes) === 0) return false;
  mkdirSync(dirname(path), { recursive: true });
  const aside = `${path}.new`;
  writeFileSync(aside, bytes);
  chmodSync(aside, mode);
  renameSync(aside, path);
  return true;
}

/** One hash over the names and contents of all files that the patterns match, and over `extra`. */
export async function fingerprint(patterns: string[], extra: string[]): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const pattern of patterns) {
    const paths = [...new Bun.Glob(pattern).scanSync({ cwd: ".", dot: true })].sort();
    for (const path of paths) hasher.update(`${path}\0`).update(await Bun.file(path).bytes());
  }
  for (const text of extra) hasher.update(`${text}\0`);
  return hasher.digest("hex");
}

/** Runs `make` unless `stampPath` says that it ran with the same fingerprint and `product` is still there. */
export async function unlessMade(
  { stampPath, product, print }: { stampPath: string; product: string; print: string },
  make: () => Promise<void>,
): Promise<boolean> {
  if (existsSync(product) && existsSync(stampPath) && readFileSync(stampPath, "utf8") === print) return false;
  await make();
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, print);
  return true;
}
