// Small files a flag names: read whole, but never without end, with the reason in docker's words.

import { closeSync, openSync, readSync } from "node:fs";
import { BunkerError } from "../errors.ts";

const CHUNK = 64 * 1024;

/** Also pipes (`--env-file <(…)`). @throws BunkerError usage */
export function readBounded(path: string, limit: number): Uint8Array {
  const fd = attempt("open", path, () => openSync(path, "r"));
  try {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const chunk = new Uint8Array(CHUNK);
      const count = attempt("read", path, () => readSync(fd, chunk, 0, CHUNK, null));
      if (count === 0) return Buffer.concat(chunks);
      size += count;
      if (size > limit) throw new BunkerError("usage", `read ${path}: larger than ${limit} bytes`);
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    closeSync(fd);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "is a directory",
  ENOTDIR: "not a directory",
  EEXIST: "file exists",
  ELOOP: "too many levels of symbolic links",
  ENAMETOOLONG: "file name too long",
  ENOSPC: "no space left on device",
  EROFS: "read-only file system",
};

/** `open nope: no such file or directory`. */
export function attempt<T>(operation: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof BunkerError) throw error;
    const { code = "" } = error as NodeJS.ErrnoException;
    const reason = Object.hasOwn(REASONS, code) ? REASONS[code] : (error as Error).message;
    throw new BunkerError("usage", `${operation} ${path}: ${reason}`, { cause: error });
  }
}
