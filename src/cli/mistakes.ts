// Explains a command line that makes no sense: what is not there yet, what was probably meant. Loaded only then.

import type { FlagOwner } from "./verb.ts";
import { GLOBAL_FLAGS } from "./global-flags.ts";
import { LATER_FLAGS, LATER_GLOBAL_FLAGS, LATER_VERBS, POINTLESS_FLAGS } from "./not-yet.ts";
import { nearest } from "./suggest.ts";
import type { FlagError } from "./usage.ts";
import { UsageError } from "./usage.ts";
import { GROUPS, lookup, PROGRAM, VERBS } from "./verbs.ts";

/** An unknown flag may be docker's or podman's and not ours yet, or a slip. */
export function explainFlag(owner: FlagOwner | null, error: FlagError): UsageError {
  const path = owner?.path ?? PROGRAM;
  const see = `See '${path} --help'.`;
  if (error.unknown === null) return new UsageError(error.message, { exitCode: error.exitCode, hint: see });
  const reason =
    owner === null ? undefined : lookup(POINTLESS_FLAGS[owner.key] ?? {}, error.unknown.replace(/^--/, ""));
  if (reason !== undefined) {
    const { exitCode } = error;
    return new UsageError(`${error.unknown} is not supported`, {
      exitCode,
      code: "unsupported",
      hint: `${reason} ${see}`,
    });
  }
  const later = laterFlag(owner?.key ?? null, error.unknown);
  if (later !== null) {
    return new UsageError(`${later} is not supported yet`, {
      exitCode: error.exitCode,
      code: "unsupported",
      hint: `It is planned. ${see}`,
    });
  }
  const similar = error.unknown.startsWith("--") ? nearest(error.unknown.slice(2), knownFlags(owner)) : null;
  const hint = similar === null ? see : `Did you mean --${similar}? ${see}`;
  return new UsageError(error.message, { exitCode: error.exitCode, hint });
}

function knownFlags(owner: FlagOwner | null): string[] {
  if (owner === null) return [...Object.keys(GLOBAL_FLAGS), "help"];
  const { flags } = owner.verb;
  return [...Object.keys(flags).filter((name) => flags[name]?.hidden !== true), "help"];
}

/** `--memory`, `-m, --memory`; `null`: neither docker nor podman has it. */
function laterFlag(key: string | null, unknown: string): string | null {
  const table = key === null ? LATER_GLOBAL_FLAGS : lookup(LATER_FLAGS, key);
  for (const word of table?.split(" ") ?? []) {
    const [short, long] = word.includes("|") ? word.split("|") : [undefined, word];
    if (unknown === `--${long}`) return unknown;
    if (short !== undefined && unknown === `-${short}`) return `-${short}, --${long}`;
  }
  return null;
}

/** A verb that is not in the table. `group`: the group it was looked for in. */
export function explainVerb(group: string | null, name: string): UsageError {
  const path = group === null ? PROGRAM : `${PROGRAM} ${group}`;
  const see = `See '${path} --help'.`;
  if (isLater(group, name)) {
    return new UsageError(`"${path} ${name}" is not available yet`, {
      code: "unsupported",
      hint: `It is planned. ${see}`,
    });
  }
  const similar = nearest(name, knownVerbs(group));
  const hint = similar === null ? see : `Did you mean "${path} ${similar}"? ${see}`;
  return new UsageError(`unknown command: ${path} ${name}`, { hint });
}

function isLater(group: string | null, name: string): boolean {
  const words = lookup(LATER_VERBS, group ?? "")?.split(" ") ?? [];
  return words.includes(name) || (group === null && Object.hasOwn(LATER_VERBS, name));
}

function knownVerbs(group: string | null): string[] {
  if (group !== null) return Object.keys(lookup(GROUPS, group)?.members ?? {});
  return [...Object.keys(VERBS).filter((name) => !name.includes(" ")), ...Object.keys(GROUPS)];
}
