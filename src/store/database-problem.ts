// SQLite's failures: which of them mean what, and our words for them.

import type { SQLiteError } from "bun:sqlite";
import { BunkerError, type BunkerErrorOptions } from "../errors.ts";

/** The database is there and cannot be used, now or later: `system reset` may give it up. */
export class UnusableStore extends BunkerError {
  constructor(message: string, options: BunkerErrorOptions) {
    super("store", message, options);
  }
}

/** No room on the disk: for the log, or for the shared memory that every reader needs. */
export function isFull(error: unknown): boolean {
  return /^SQLITE_(FULL|IOERR_SHMSIZE|IOERR_WRITE)/.test(codeOf(error));
}

/** The disk would not say that it has a commit. */
export function isFailedSync(error: unknown): boolean {
  return codeOf(error) === "SQLITE_IOERR_FSYNC";
}

/** The file, or what SQLite must make beside it, cannot be written. */
export function isReadOnly(error: unknown): boolean {
  return /^SQLITE_(READONLY|CANTOPEN|PERM)/.test(codeOf(error));
}

export function explainDatabase(error: SQLiteError): BunkerError {
  const failure = (reason: string, hint: string): BunkerError =>
    new BunkerError("store", `the database ${reason}`, { hint, cause: error });
  if (isFull(error)) {
    return new BunkerError("no-space", "writing the database: no space left on the device", {
      hint: "Free some space, or use another data home with --root.",
      cause: error,
    });
  }
  if (isReadOnly(error)) {
    return failure("cannot be written", "The data home must be yours and writable; --root names another one.");
  }
  const code = codeOf(error);
  if (code.startsWith("SQLITE_BUSY")) {
    return failure("is busy", "Another bunker has held it for half a minute: see which with `ps`.");
  }
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
    return new UnusableStore("the database is damaged", {
      hint: "Move db.sqlite away and pull your images again; volumes are kept. `bunker system reset` removes all.",
      cause: error,
    });
  }
  if (/^SQLITE_(ERROR|CONSTRAINT|MISUSE|RANGE|MISMATCH)/.test(code)) {
    return failure(`refused: ${error.message}`, "This is a bug in bunker: please report it.");
  }
  const hint = "Memory may be short, or the disk failing: see the kernel's messages.";
  return failure(`cannot be read or written: ${error.message}`, hint);
}

function codeOf(error: unknown): string {
  return (error as Partial<SQLiteError>).code ?? "";
}
