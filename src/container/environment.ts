// The environment of a container's process: what wins over what, and what variables become when words refer to others. Pure.

import { BunkerError } from "../errors.ts";
import type { CreateRequest, EnvironmentSettings } from "./request.ts";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const NO_SETTINGS: EnvironmentSettings = { host: [], merge: [], unset: [], unsetAll: false };
/** `\x`, `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME:+word}`, or a dollar sign that begins none of them. */
const REFERENCE = /\\(.)|\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])([^{}]*))?\}|)/g;

/** Those of `REFERENCE`; a name in either of the first two places behind the escaped character. */
type Groups = [escaped?: string, bare?: string, braced?: string, operator?: string, alternative?: string];

/** podman's order, the later ones win: the host's, the image's, --env-merge, less what is unset, and what the request says itself. */
export function planEnvironment(image: readonly string[], request: CreateRequest): string[] {
  const { host, merge, unset, unsetAll } = request.environment ?? NO_SETTINGS;
  if (unsetAll) return mergeEnvironment([], request.env);
  const defaults = new Map(mergeEnvironment([DEFAULT_PATH, ...host], image).map(cut));
  for (const word of merge) {
    const [name, template] = cut(word);
    // podman: only what is there is changed.
    if (defaults.has(name)) defaults.set(name, expand(word, template, defaults));
  }
  for (const name of unset) defaults.delete(name);
  return mergeEnvironment(
    [...defaults].map(([name, value]) => `${name}=${value}`),
    request.env,
  );
}

/** Later entries win and keep the place of the first, as docker's ReplaceOrAppendEnvValues; a bare name removes. */
export function mergeEnvironment(base: readonly string[], override: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of [...base, ...override]) {
    const [name] = cut(entry);
    if (entry.includes("=")) merged.set(name, entry);
    else merged.delete(name);
  }
  return [...merged.values()];
}

function cut(entry: string): [name: string, value: string] {
  const equals = entry.indexOf("=");
  return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

/** @throws BunkerError in podman's words */
function expand(word: string, template: string, variables: ReadonlyMap<string, string>): string {
  return template.replaceAll(REFERENCE, (whole: string, ...groups: unknown[]) => {
    const [escaped, bare, braced, operator, alternative = ""] = groups as Groups;
    if (escaped !== undefined) return escaped;
    const name = bare ?? braced;
    if (name === undefined) {
      throw new BunkerError("usage", `unable to process variables for --env-merge ${word}: what "${whole}" begins`, {
        hint: "A variable is $NAME, ${NAME}, ${NAME:-otherwise} or ${NAME:+instead}; a dollar sign itself is \\$.",
      });
    }
    const value = variables.get(name) ?? "";
    if (operator === "-") return value === "" ? alternative : value;
    if (operator === "+") return value === "" ? "" : alternative;
    return value;
  });
}
