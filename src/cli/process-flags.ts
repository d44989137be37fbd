// Flags of run and create about the process: --sysctl, --oom-score-adj, --umask, --timeout, --tz, --passwd. Words → values; pure.

import { type CreateRequest, ensureOwnSysctls, isNamespacedSysctl } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { quote, ScanError } from "./strconv.ts";

const UMASK = /^[0-7]{1,4}$/;
const OCTAL = 8;
/** oom_score_adj of proc_pid_oom_score_adj(5). */
const LARGEST_SCORE = 1000;
/** The zone this host is in. */
const LOCAL = "local";
/** Names of files below the zone directory. No dot: none of them leads out of it. */
const ZONE = /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/;
/** What the keeper counts with; more than a century. */
const LONGEST_TIMEOUT = 2 ** 32 - 1;

/** `--sysctl`, as a flag's parser. @throws ScanError in docker's words */
export function parseSysctl(word: string): [name: string, value: string] {
  const equals = word.indexOf("=");
  const name = word.slice(0, Math.max(equals, 0));
  const value = word.slice(equals + 1);
  // The kernel takes lines: a second one would be a second setting.
  if (!isNamespacedSysctl(name) || /[\n\0]/.test(value)) throw new ScanError(`sysctl '${word}' is not allowed`);
  return [name, value];
}

/** `--umask`, as a flag's parser. @throws ScanError in podman's words */
export function parseUmask(word: string): number {
  if (!UMASK.test(word)) throw new ScanError(`invalid umask string ${word}`);
  return Number.parseInt(word, OCTAL);
}

/** `--tz`, as a flag's parser. @throws ScanError in podman's words */
export function parseTimezone(word: string): string {
  if (word !== LOCAL && !ZONE.test(word)) throw new ScanError(`finding timezone: unknown time zone ${word}`);
  return word;
}

/** One line of passwd(5) or group(5), with podman's variables. @throws ScanError */
export function parseEntry(word: string): string {
  if (word !== "" && !/[\n\0]/.test(word)) return word;
  throw new ScanError(`invalid entry ${quote(word)}: it is one line`);
}

interface ProcessValues {
  "group-entry": string | null;
  "no-healthcheck": boolean;
  "oom-score-adj": number | null;
  passwd: boolean;
  "passwd-entry": string | null;
  sysctl: readonly [name: string, value: string][];
  timeout: number | null;
  tz: string | null;
  umask: number | null;
}

/** What was said, and nothing else. @throws BunkerError in docker's words */
export function collectProcess(values: ProcessValues, network: CreateRequest["network"]): Partial<CreateRequest> {
  const { sysctl, timeout, tz: timezone, umask } = values;
  const [passwdEntry, groupEntry] = [values["passwd-entry"], values["group-entry"]];
  const hasAccount = values.passwd || passwdEntry !== null || groupEntry !== null;
  const oomScoreAdj = values["oom-score-adj"];
  ensureOwnSysctls(
    sysctl.map(([name]) => name),
    { network: network !== "host", ipc: true },
  );
  if (oomScoreAdj !== null && Math.abs(oomScoreAdj) > LARGEST_SCORE) {
    throw new BunkerError(
      "usage",
      `Invalid value ${oomScoreAdj}, range for oom score adj is [-${LARGEST_SCORE}, ${LARGEST_SCORE}]`,
    );
  }
  if (timeout !== null && (timeout < 0 || timeout > LONGEST_TIMEOUT)) {
    throw new BunkerError("usage", `invalid timeout: ${timeout}`, { hint: "It is a number of seconds, 0 for none." });
  }
  return {
    ...(sysctl.length === 0 ? {} : { sysctls: Object.fromEntries(sysctl) }),
    ...(oomScoreAdj === null ? {} : { oomScoreAdj }),
    // podman: 0 is for ever.
    ...(timeout === null || timeout === 0 ? {} : { timeout }),
    ...(timezone === null ? {} : { timezone }),
    ...(umask === null ? {} : { umask }),
    ...(hasAccount ? { account: { passwdEntry, groupEntry } } : {}),
    ...(values["no-healthcheck"] ? { noHealthcheck: true } : {}),
  };
}
