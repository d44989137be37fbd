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

/** What the host may refuse any call that touches files; other failures of such calls are bugs. */
const HOST_FAILURES: Readonly<Record<string, readonly [code: ErrorCode, reason: string, hint: string]>> = {
  ENOSPC: ["no-space", "no space left on device", "Free some space, or use another data home with --root."],
  EDQUOT: [
    "no-space",
    "no space left within your disk quota",
    "Free some space, or use another data home with --root.",
  ],
  EROFS: ["system", "the file system is read-only", "Use another data home with --root."],
  EACCES: ["system", "permission denied", "The data home and all in it must be yours; --root names another one."],
  EPERM: ["system", "operation not permitted", "The data home and all in it must be yours; --root names another one."],
  EIO: ["system", "input/output error", "The disk is failing: look at the kernel's log."],
  EMFILE: ["system", "too many open files", "Raise the limit: ulimit -n."],
  ENOMEM: ["system", "out of memory", "Free some memory: end some programs."],
  ENFILE: ["system", "too many open files in the whole system", "Close some programs."],
};

/** What to do about a failure of the host's, by its errno(3). */
export function hostHint(name: string): string | undefined {
  return Object.hasOwn(HOST_FAILURES, name) ? HOST_FAILURES[name]?.[2] : undefined;
}

/** A failure of node:fs that is the host's doing becomes an expected one; everything else stays what it is. */
export function expectHostFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof BunkerError) return error;
  const { code = "", syscall, path } = error as NodeJS.ErrnoException;
  const known = Object.hasOwn(HOST_FAILURES, code) ? HOST_FAILURES[code] : undefined;
  if (known === undefined || syscall === undefined) return error;
  const [ours, reason, hint] = known;
  const object = path === undefined ? syscall : `${syscall} ${JSON.stringify(path)}`;
  return new BunkerError(ours, `${object}: ${reason}`, { hint, cause: error });
}

/**
 * Wraps once at a module boundary: keeps code and hint, puts operation and object before the message. `hints`: for errors that have
 * none, what to do about such a one in this operation.
 */
export function wrapError(prefix: string, error: unknown, hints: Partial<Record<ErrorCode, string>> = {}): unknown {
  const known = expectHostFailure(error);
  if (!(known instanceof BunkerError)) return error;
  const hint = known.hint ?? hints[known.code];
  const options = hint === undefined ? { cause: error } : { hint, cause: error };
  return new BunkerError(known.code, `${prefix}: ${known.message}`, options);
}

/** The exit code of a failed command: docker's 125/126/127 for verbs that run something, 1 for the others. */
export function exitCodeOf(error: unknown, runsCommand: boolean): number {
  if (!runsCommand) return 1;
  if (!(error instanceof BunkerError)) return EXIT_ENGINE;
  if (error.code === "command-not-executable") return EXIT_NOT_EXECUTABLE;
  if (error.code === "command-not-found") return EXIT_NOT_FOUND;
  return EXIT_ENGINE;
}
