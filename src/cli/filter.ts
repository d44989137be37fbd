// `--filter KEY=VALUE`: the words of one command line. Values of a key are alternatives, labels add up, keys add up.

import { parseBoolean, ScanError } from "./strconv.ts";
import { UsageError } from "./usage.ts";

/** One word, as a flag's parser. @throws ScanError in docker's words */
export function parseFilterWord(word: string): [key: string, value: string] {
  const equals = word.indexOf("=");
  if (word !== "" && equals < 0) throw new ScanError("bad format of filter (expected name=value)");
  return [word.slice(0, Math.max(equals, 0)).trim().toLowerCase(), word.slice(equals + 1).trim()];
}

export class Filters {
  readonly #values = new Map<string, string[]>();

  /** @throws UsageError in docker's words for a key that is not among `known` */
  constructor(words: readonly (readonly [string, string])[], known: readonly string[]) {
    for (const [key, value] of words) {
      if (key === "") continue;
      if (!known.includes(key)) {
        throw new UsageError(`invalid filter '${key}'`, { hint: `The filters are ${known.join(", ")}.` });
      }
      this.#values.set(key, [...(this.#values.get(key) ?? []), value]);
    }
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  values(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  /** True when the key was not asked for, or one of its values suits. */
  some(key: string, suits: (value: string) => boolean): boolean {
    const values = this.#values.get(key);
    return values === undefined || values.some(suits);
  }

  /** `KEY=true` or `KEY=false`; `null`: it was not asked for. @throws UsageError in docker's words for both, or for neither */
  boolean(key: string): boolean | null {
    const values = this.values(key);
    const answers = new Set(values.map((value) => toBoolean(key, value)));
    if (answers.size > 1) throw invalidBoolean(key, `[${values.join(" ")}]`);
    const [answer = null] = answers;
    return answer;
  }

  /** As `labels`; and no `label!=KEY` may suit (docker's prune verbs, podman's listings). */
  allLabels(labels: Readonly<Record<string, string>>): boolean {
    return this.labels(labels) && !this.values("label!").some((word) => hasLabel(labels, word));
  }

  /** Every `label=KEY` and `label=KEY=VALUE` must suit. */
  labels(labels: Readonly<Record<string, string>>): boolean {
    return this.values("label").every((word) => hasLabel(labels, word));
  }
}

function toBoolean(key: string, value: string): boolean {
  try {
    return parseBoolean(value);
  } catch (error) {
    throw error instanceof ScanError ? invalidBoolean(key, value) : error;
  }
}

function invalidBoolean(key: string, value: string): UsageError {
  return new UsageError(`invalid filter '${key}=${value}'`, { hint: "Its value is true or false." });
}

/** `KEY` or `KEY=VALUE`. */
function hasLabel(labels: Readonly<Record<string, string>>, word: string): boolean {
  const equals = word.indexOf("=");
  const key = equals < 0 ? word : word.slice(0, equals);
  if (!Object.hasOwn(labels, key)) return false;
  return equals < 0 || labels[key] === word.slice(equals + 1);
}

/** docker matches names by regular expression; what is none is taken literally. */
export function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return text.includes(pattern);
  }
}
