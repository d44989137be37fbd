// The one error a user ever sees, and the table from its code to an exit code. Imports nothing of ours.

/** What went wrong, as a caller can act on it. */
export type ErrorCode =
  | "usage"
  | "unsupported"
  | "not-found"
  | "conflict"
  | "invalid-reference"
  | "invalid-image"
  | "unauthorized"
  | "registry"
  | "network"
  | "digest-mismatch"
  | "bad-archive"
  | "no-space"
  | "host-refused"
  | "bad-path"
  | "user-not-found"
  | "command-not-found"
  | "command-not-executable"
  | "not-running"
  | "store"
  | "cancelled"
  | "system";

/** docker's exit codes: 125 the engine failed, 126 and 127 the command could not be run or found; 1 for other verbs. */
export const EXIT_ENGINE = 125;
export const EXIT_NOT_EXECUTABLE = 126;
export const EXIT_NOT_FOUND = 127;

export interface BunkerErrorOptions {
  /** One sentence the user can act on. */
  hint?: string;
  cause?: unknown;
}

/**
 * An expected failure. `message` is a lowercase fragment that names the object in quotes and what was being done:
 * `pulling "alpine:3.20": manifest not found`. Anything else that is thrown is a bug.
 */
export class BunkerError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: BunkerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "BunkerError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** Wraps once at a module boundary: keeps code and hint, puts operation and object before the message. */
export function wrapError(prefix: string, error: unknown): unknown {
  if (!(error instanceof BunkerError)) return error;
  return new BunkerError(error.code, `${prefix}: ${error.message}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}

const NO_SPACE = /^(ENOSPC|EDQUOT)$/;

/** A failed system call of node:fs in our words: `mkdir "/…": no space left on device`. Anything else as it is. */
export function explainSystemError(error: unknown): unknown {
  if (error instanceof BunkerError || !(error instanceof Error)) return error;
  const { code, syscall, path, message } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const reason = message.replace(/^[A-Z0-9]+: /, "").replace(/, [a-z0-9_]+( .*)?$/s, "");
  const text = `${syscall}${path === undefined ? "" : ` "${path}"`}: ${reason}`;
  if (NO_SPACE.test(code)) {
    const hint = "Free some space, or use another data home with --root.";
    return new BunkerError("no-space", text, { hint, cause: error });
  }
  return new BunkerError("system", text, { cause: error });
}

/** The exit code of a failed command: docker's 125/126/127 for verbs that run something, 1 for the others. */
export function exitCodeOf(error: unknown, runsCommand: boolean): number {
  if (!runsCommand) return 1;
  if (!(error instanceof BunkerError)) return EXIT_ENGINE;
  if (error.code === "command-not-executable") return EXIT_NOT_EXECUTABLE;
  if (error.code === "command-not-found") return EXIT_NOT_FOUND;
  return EXIT_ENGINE;
}
