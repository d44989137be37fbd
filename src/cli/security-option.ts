// `--security-opt`: what is confined how. Reads a seccomp profile's file; judges nothing in it.

import { BunkerError } from "../errors.ts";
import { readBounded } from "./file.ts";
import { parseBoolean, quote, ScanError } from "./strconv.ts";

export interface SecurityOptions {
  noNewPrivileges: boolean;
  seccomp: "default" | "unconfined" | { profile: unknown };
}

/** docker's own profile is 13 kB. */
const MAX_PROFILE = 4 * 1024 * 1024;
/** docker's and podman's, not made yet. */
const LATER = new Set([
  "apparmor",
  "label",
  "systempaths",
  "mask",
  "unmask",
  "proc-opts",
  "writable-cgroups",
  "credentialspec",
]);

/** The words in order; the last of a kind wins. @throws BunkerError usage in docker's words, or unsupported */
export function parseSecurityOptions(words: readonly string[]): SecurityOptions {
  const options: SecurityOptions = { noNewPrivileges: false, seccomp: "default" };
  for (const word of words) applyWord(options, word);
  return options;
}

function applyWord(options: SecurityOptions, word: string): void {
  // `seccomp:unconfined` is docker's older way to write it.
  const [, key = "", value] = /^([^=:]*)(?:[=:]([^]*))?$/.exec(word) ?? [];
  if (key === "no-new-privileges") options.noNewPrivileges = value === undefined || parseSwitch(word, value);
  else if (key === "seccomp" && value !== undefined) options.seccomp = parseSeccomp(value);
  else if (LATER.has(key)) throw new BunkerError("unsupported", `--security-opt ${key} is not supported yet`);
  else {
    throw new BunkerError("usage", `invalid --security-opt: ${quote(word)}`, {
      hint: "The options are no-new-privileges and seccomp=unconfined, default or a file.",
    });
  }
}

function parseSwitch(word: string, value: string): boolean {
  try {
    return parseBoolean(value);
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    throw new BunkerError("usage", `invalid --security-opt: ${quote(word)}`, { hint: "Its value is true or false." });
  }
}

function parseSeccomp(value: string): SecurityOptions["seccomp"] {
  if (value === "unconfined") return "unconfined";
  if (value === "default" || value === "builtin") return "default";
  return { profile: readProfile(value) };
}

function readProfile(path: string): unknown {
  let bytes: Uint8Array;
  try {
    bytes = readBounded(path, MAX_PROFILE);
  } catch (error) {
    throw new BunkerError("usage", `opening seccomp profile (${path}) failed: ${(error as Error).message}`, {
      cause: error,
    });
  }
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new BunkerError("usage", `reading seccomp profile (${path}) failed: it is not JSON`, { cause });
  }
}
