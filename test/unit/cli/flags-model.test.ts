// The flag parser against a second one, written from pflag's rules as a list of cases that are tried in turn on one string of
// words, with no eye to speed or to messages.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Flags, parseFlags } from "../../../src/cli/flags.ts";
import { FlagError } from "../../../src/cli/usage.ts";

const TABLE = {
  all: { kind: "boolean", short: "a", help: "" },
  bare: { kind: "boolean", help: "", default: true },
  env: { kind: "list", short: "e", help: "" },
  name: { kind: "string", short: "n", help: "", aliases: ["title"] },
  time: { kind: "integer", short: "t", help: "" },
} as const satisfies Flags;
const RUNS = 3000;

/** strconv.ParseInt with base 0, of words this short: decimal, octal or hexadecimal. `null`: none. */
function integer(text: string): number | null {
  const [, sign, hexadecimal, octal, decimal] =
    /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9]\d*))$/.exec(text) ?? [];
  if (sign === undefined) return null;
  const value =
    hexadecimal !== undefined
      ? Number.parseInt(hexadecimal, 16)
      : decimal !== undefined
        ? Number.parseInt(decimal, 10)
        : Number.parseInt(`0${octal ?? ""}`, 8);
  return sign === "-" && value !== 0 ? -value : value;
}

interface Outcome {
  /** Name and text of each flag, in order. */
  set: [string, string][];
  rest: string[];
  help: boolean;
}

const LONG: Record<string, keyof typeof TABLE> = {
  all: "all",
  bare: "bare",
  env: "env",
  name: "name",
  title: "name",
  time: "time",
};
const SHORT: Record<string, keyof typeof TABLE> = { a: "all", e: "env", n: "name", t: "time" };
const TRUE = /^(?:1|t|T|TRUE|true|True)$/;
const FALSE = /^(?:0|f|F|FALSE|false|False)$/;

/** `null`: refused. */
function model(words: readonly string[], interspersed: boolean): Outcome | null {
  const outcome: Outcome = { set: [], rest: [], help: false };
  let left = [...words];
  const take = (name: keyof typeof TABLE, text: string | undefined): boolean => {
    if (text === undefined) return false;
    if (TABLE[name].kind === "boolean" && !TRUE.test(text) && !FALSE.test(text)) return false;
    if (TABLE[name].kind === "integer" && integer(text) === null) return false;
    outcome.set.push([name, text]);
    return true;
  };
  while (left.length > 0) {
    const [word = "", ...more] = left;
    left = more;
    if (word === "--") return { ...outcome, rest: [...outcome.rest, ...left] };
    if (!word.startsWith("-") || word === "-") {
      outcome.rest.push(word);
      if (!interspersed) return { ...outcome, rest: [...outcome.rest, ...left] };
    } else if (word.startsWith("--")) {
      if (!long(word)) return null;
    } else if (!shorts(word.slice(1))) return null;
  }
  return outcome;

  function long(word: string): boolean {
    const match = /^--([^-=][^=]*)(=?)([^]*)$/.exec(word);
    if (match === null) return false;
    const [, spelled = "", equals, text = ""] = match;
    const name = Object.hasOwn(LONG, spelled) ? LONG[spelled] : undefined;
    if (name !== undefined) {
      const bare = TABLE[name].kind === "boolean" ? () => "true" : () => left.shift();
      return take(name, equals === "=" ? text : bare());
    }
    if (spelled !== "help" || (equals === "=" && !TRUE.test(text) && !FALSE.test(text))) return false;
    outcome.help = equals === "" || TRUE.test(text);
    return true;
  }

  function shorts(cluster: string): boolean {
    const [letter = ""] = cluster;
    const tail = cluster.slice(letter.length);
    const name = Object.hasOwn(SHORT, letter) ? SHORT[letter] : undefined;
    if (name === undefined) {
      if (letter !== "h") return false;
      outcome.help = true;
      return tail === "" || shorts(tail);
    }
    if (/^=[^]/.test(tail)) return take(name, tail.slice(1));
    if (TABLE[name].kind === "boolean") return take(name, "true") && (tail === "" || shorts(tail));
    return take(name, tail === "" ? left.shift() : tail);
  }
}

function real(words: string[], interspersed: boolean): Record<string, unknown> | null {
  try {
    const { values, positionals, help, given } = parseFlags(TABLE, words, { interspersed });
    return { values: { ...values }, rest: positionals, help, given: [...given].toSorted() };
  } catch (error) {
    if (error instanceof FlagError) return null;
    throw error;
  }
}

/** What the flags of an outcome come to. */
function summary({ set, rest, help }: Outcome): Record<string, unknown> {
  const last = (name: string): string | undefined => set.findLast(([known]) => known === name)?.[1];
  const time = last("time");
  const values = {
    all: TRUE.test(last("all") ?? "false"),
    bare: TRUE.test(last("bare") ?? "true"),
    env: set.filter(([name]) => name === "env").map(([, text]) => text),
    name: last("name") ?? null,
    time: time === undefined ? null : integer(time),
  };
  return { values, rest, help, given: [...new Set(set.map(([name]) => name))].toSorted() };
}

const word = fc.oneof(
  fc.constantFrom(
    ..."-- - -a -e -n -t -ae -an -at5 -t=5 -a= -a=0 -e= -e=x -eA=1 -ha -h -x --all --all=f --bare=false".split(" "),
  ),
  fc.constantFrom(
    ..."--env --env= --env=A=1 --name --title=x --time 7 -7 +7 --time=x --help --help=0 --x ---a --= x".split(" "),
  ),
  fc.array(fc.constantFrom(..."-=aenthx07"), { maxLength: 6 }).map((letters) => letters.join("")),
);

test("any words mean what pflag's rules say", () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.boolean(), (words, interspersed) => {
      const wanted = model(words, interspersed);
      expect(real(words, interspersed)).toEqual(wanted === null ? null : summary(wanted));
    }),
    { numRuns: RUNS },
  );
});
