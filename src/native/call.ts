// Failures cross the boundary as values; here they become errors.

import { BunkerError, type ErrorCode, hostHint } from "../errors.ts";
import type { NativeFailure, Refusal } from "./types.d.ts";

/** The codes of crates/runtime/src/failure.rs in our own words. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  "bad-request": "usage",
  "host-refused": "host-refused",
  "command-not-found": "command-not-found",
  "command-not-executable": "command-not-executable",
  "user-not-found": "user-not-found",
  "bad-path": "bad-path",
  "bad-archive": "bad-archive",
  "digest-mismatch": "digest-mismatch",
  "no-space": "no-space",
  network: "network",
  "not-running": "not-running",
  cancelled: "cancelled",
};

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  "host-refused":
    "`bunker version` works anywhere, containers need user namespaces: ask whoever runs this machine to allow them.",
  "bad-path": "The path must be there, be of the right kind, and be open to the user.",
  "command-not-found": "It must be there in the container: give its full path, or look inside with another command.",
  "command-not-executable":
    "The container's user must be allowed to, and a program must be made for this machine or begin with #!.",
  network: "`--network none` and `--network host` work without it.",
  "not-running": "`bunker ps -a` shows what it is doing.",
  "no-space": "Free some space, or use another data home with --root.",
  "user-not-found":
    "The user must exist in the image's /etc/passwd, or be a number that your subordinate id range covers.",
};

/** Those that may hit any call (asm-generic/errno-base.h, the same on all our architectures). */
const ERRNOS: Readonly<Record<number, string>> = { 5: "EIO", 12: "ENOMEM", 23: "ENFILE", 24: "EMFILE", 30: "EROFS" };

/** The error for a failure, of the addon or of the keeper. */
export function failureToError(failure: unknown): BunkerError {
  const { code, message, errno } = failure as NativeFailure;
  const known = CODES[code] ?? "system";
  const hint = HINTS[known] ?? hostHint(ERRNOS[errno ?? 0] ?? "");
  return new BunkerError(known, message, hint === undefined ? { cause: failure } : { hint, cause: failure });
}

/** The system call that an error is about, as written, and its errno; `null`: about none. */
export function failedCall(error: BunkerError): { call: string; errno: number } | null {
  let at: unknown = error;
  while (at instanceof BunkerError) at = at.cause;
  const { call, errno } = (at ?? {}) as Partial<NativeFailure>;
  return typeof call === "string" && typeof errno === "number" ? { call, errno } : null;
}

/** The value of a call, or its failure thrown. */
export function unwrap<T>(outcome: T | Refusal): T {
  if (isRefusal(outcome)) throw failureToError(outcome.failure);
  return outcome;
}

function isRefusal(outcome: unknown): outcome is Refusal {
  return typeof outcome === "object" && outcome !== null && "failure" in outcome;
}
