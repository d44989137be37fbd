// `--security-opt`: what is confined how. Reads a seccomp profile's file; judges nothing in it.

import { type ConfinementSettings, EVERYTHING, planSystemPaths } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { readBounded } from "./file.ts";
import { parseBoolean, quote, ScanError } from "./strconv.ts";

export interface SecurityOptions {
  noNewPrivileges: boolean;
  seccomp: "default" | "unconfined" | { profile: unknown };
  /** What else was said, if anything. */
  confinement?: ConfinementSettings;
}

/** docker's own profile is 13 kB. */
const MAX_PROFILE = 4 * 1024 * 1024;
/** docker's, not made yet. */
const LATER = new Set(["writable-cgroups", "credentialspec"]);
/** Options of proc(5) that leave everything there that starting a container needs. */
const PROC_OPTION = /^(?:hidepid=(?:[0124]|off|noaccess|invisible|ptraceable)|gid=\d{1,10})$/;

type Parts = SecurityOptions & { confinement: ConfinementSettings };

/** The words in order; the last of a kind wins. @throws BunkerError usage in docker's words, or unsupported */
export function parseSecurityOptions(words: readonly string[]): SecurityOptions {
  const parts: Parts = {
    noNewPrivileges: false,
    seccomp: "default",
    confinement: { words: [], masked: [], unmasked: [], procOptions: [] },
  };
  for (const word of words) applyWord(parts, word);
  const { confinement, ...options } = parts;
  return Object.values(confinement).every((list) => list.length === 0) ? options : { ...options, confinement };
}

function applyWord(parts: Parts, word: string): void {
  // `seccomp:unconfined` is docker's older way to write it.
  const [, key = "", value] = /^([^=:]*)(?:[=:]([^]*))?$/.exec(word) ?? [];
  if (key === "no-new-privileges") parts.noNewPrivileges = value === undefined || parseSwitch(word, value);
  else if (key === "seccomp" && value !== undefined) parts.seccomp = parseSeccomp(value);
  else if (LATER.has(key)) throw new BunkerError("unsupported", `--security-opt ${key} is not supported yet`);
  else if (value === undefined || !confine(parts.confinement, key, value)) {
    throw new BunkerError("usage", `invalid --security-opt: ${quote(word)}`, {
      hint: "The options are no-new-privileges, seccomp, apparmor, label, systempaths, mask, unmask and proc-opts.",
    });
  }
}

/** @returns whether it is one of these */
function confine(settings: ConfinementSettings, key: string, value: string): boolean {
  const say = (): void => void settings.words.push(`${key}=${value}`);
  switch (key) {
    case "label":
    case "apparmor":
      ensureUnconfined(key, value);
      say();
      return true;
    case "systempaths":
      if (value !== "unconfined") return false;
      settings.unmasked.push(EVERYTHING);
      return true;
    case "mask":
      settings.masked.push(...parsePaths(value));
      say();
      return true;
    case "unmask":
      // podman: everything, only as the whole word and in any case.
      settings.unmasked.push(...(value.toUpperCase() === EVERYTHING ? [EVERYTHING] : parsePaths(value)));
      // A pattern that is none is told here, not at the start.
      planSystemPaths([], settings);
      say();
      return true;
    case "proc-opts":
      settings.procOptions.push(...parseProcOptions(value));
      say();
      return true;
    default:
      return false;
  }
}

/** Neither is ever applied: asking for none is granted, for another is not. @throws BunkerError unsupported */
function ensureUnconfined(key: "label" | "apparmor", value: string): void {
  if (value === (key === "label" ? "disable" : "unconfined")) return;
  const [system, none] =
    key === "label" ? ["SELinux labels", "label=disable"] : ["AppArmor profiles", "apparmor=unconfined"];
  throw new BunkerError("unsupported", `--security-opt ${key}=${value} is not supported: containers get no ${system}`, {
    hint: `${none} says as it is.`,
  });
}

function parsePaths(value: string): string[] {
  const paths = value.split(":");
  const odd = paths.find((path) => !path.startsWith("/"));
  if (odd === undefined) return paths;
  throw new BunkerError("usage", `--security-opt: path "${odd}" is not an absolute path`);
}

function parseProcOptions(value: string): string[] {
  const options = value.split(",");
  const odd = options.find((option) => !PROC_OPTION.test(option));
  if (odd === undefined) return options;
  throw new BunkerError("usage", `invalid --security-opt: proc-opts=${odd}`, {
    hint: "The options are hidepid=0, 1, 2 or 4, and gid=NUMBER (proc(5)).",
  });
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
