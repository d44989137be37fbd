// Flags, parsed as docker's pflag parses them.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseFlags } from "../../../src/cli/flags.ts";
import { ScanError } from "../../../src/cli/strconv.ts";
import { FlagError } from "../../../src/cli/usage.ts";

const TABLE = {
  interactive: { kind: "boolean", short: "i", help: "" },
  tty: { kind: "boolean", short: "t", help: "" },
  detach: { kind: "boolean", short: "d", help: "" },
  "sig-proxy": { kind: "boolean", default: true, help: "" },
  name: { kind: "string", short: "n", help: "" },
  env: { kind: "list", short: "e", help: "" },
  time: { kind: "integer", short: "T", help: "", aliases: ["timeout"] },
  hostname: { kind: "string", short: "h", help: "" },
  even: {
    kind: "list",
    short: "E",
    help: "",
    parse(text: string): number {
      const value = Number(text);
      if (value % 2 !== 0) throw new ScanError(`${text} is odd`);
      return value;
    },
  },
} as const;

function run(words: string[], interspersed = false): ReturnType<typeof parseFlags<typeof TABLE>> {
  return parseFlags(TABLE, words, { interspersed });
}

function complaint(words: string[]): string {
  try {
    run(words);
  } catch (error) {
    if (error instanceof FlagError) return error.message;
    throw error;
  }
  return "none";
}

describe("words become values", () => {
  test.each([
    [["--name=web"], { name: "web" }],
    [["--name", "web"], { name: "web" }],
    [["--name="], { name: "" }],
    [["--name", "--tty"], { name: "--tty", tty: false }],
    [["--name=a=b"], { name: "a=b" }],
    [["-nweb"], { name: "web" }],
    [["-n", "web"], { name: "web" }],
    [["-n=web"], { name: "web" }],
    [["-n="], { name: "=" }],
    [["-itd"], { interactive: true, tty: true, detach: true }],
    [["-itdnweb"], { interactive: true, tty: true, detach: true, name: "web" }],
    [["-itn", "web"], { interactive: true, tty: true, name: "web" }],
    [["-d=false"], { detach: false }],
    [["-id=0"], { interactive: true, detach: false }],
    [["--detach=t"], { detach: true }],
    [["--sig-proxy=false"], { "sig-proxy": false }],
    [[], { "sig-proxy": true, env: [], name: null, time: null, tty: false }],
    [["-e", "A=1", "--env=B=2", "-eC=3"], { env: ["A=1", "B=2", "C=3"] }],
    [["--name", "a", "--name", "b"], { name: "b" }],
    [["-T5"], { time: 5 }],
    [["-T", "-5"], { time: -5 }],
    [["--timeout", "0x10"], { time: 16 }],
    [["--time=1_000"], { time: 1000 }],
    [["--time=010"], { time: 8 }],
    [["-h", "box"], { hostname: "box" }],
    [["-E2", "-E", "4"], { even: [2, 4] }],
  ] as [string[], Record<string, unknown>][])("%j", (words, expected) => {
    expect(run(words).values).toMatchObject(expected);
  });
});

describe("where flags end", () => {
  test.each([
    [["-i", "image", "-t"], false, ["image", "-t"], false],
    [["-i", "image", "-t"], true, ["image"], true],
    [["--", "-t"], true, ["-t"], false],
    [["a", "--", "-t", "--"], true, ["a", "-t", "--"], false],
    [["a", "--", "b"], false, ["a", "--", "b"], false],
    [["-", "-t"], true, ["-"], true],
    [["", "-t"], true, [""], true],
  ] as [string[], boolean, string[], boolean][])("%j, interspersed %p", (words, interspersed, positionals, tty) => {
    const parsed = run(words, interspersed);
    expect(parsed.positionals).toEqual(positionals);
    expect(parsed.values.tty).toBe(tty);
  });
});

describe("mistakes are told in docker's words", () => {
  test.each([
    [["--foo"], "unknown flag: --foo"],
    [["--foo=bar"], "unknown flag: --foo"],
    [["--constructor"], "unknown flag: --constructor"],
    [["--__proto__=x"], "unknown flag: --__proto__"],
    [["-x"], "unknown shorthand flag: 'x' in -x"],
    [["-itxd"], "unknown shorthand flag: 'x' in -xd"],
    [["-\u00e9"], "unknown shorthand flag: '\u00e9' in -\u00e9"],
    [["--name"], "flag needs an argument: --name"],
    [["-n"], "flag needs an argument: 'n' in -n"],
    [["-itn"], "flag needs an argument: 'n' in -n"],
    [["--=x"], "bad flag syntax: --=x"],
    [["---x"], "bad flag syntax: ---x"],
    [
      ["-d=maybe"],
      'invalid argument "maybe" for "-d, --detach" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [["--sig-proxy=x"], 'invalid argument "x" for "--sig-proxy" flag: strconv.ParseBool: parsing "x": invalid syntax'],
    [["-T", "x"], 'invalid argument "x" for "-T, --time" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    [["-T", "1.5"], 'invalid argument "1.5" for "-T, --time" flag: strconv.ParseInt: parsing "1.5": invalid syntax'],
    [
      ["-T", "\uff11"],
      'invalid argument "\uff11" for "-T, --time" flag: strconv.ParseInt: parsing "\uff11": invalid syntax',
    ],
    [["-T", "0x"], 'invalid argument "0x" for "-T, --time" flag: strconv.ParseInt: parsing "0x": invalid syntax'],
    [["-T", ""], 'invalid argument "" for "-T, --time" flag: strconv.ParseInt: parsing "": invalid syntax'],
    [
      ["-T", "9223372036854775808"],
      'invalid argument "9223372036854775808" for "-T, --time" flag: strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ],
    [["-E3"], 'invalid argument "3" for "-E, --even" flag: 3 is odd'],
    [
      ["-d=\u001b[31m"],
      'invalid argument "\\x1b[31m" for "-d, --detach" flag: strconv.ParseBool: parsing "\\x1b[31m": invalid syntax',
    ],
  ])("%j", (words, expected) => {
    expect(complaint(words)).toBe(expected);
  });
});

describe("help", () => {
  test("is asked for by --help anywhere before the end of flags", () => {
    expect(run(["x", "--help"], true).help).toBe(true);
    expect(run(["x", "--help"], false).help).toBe(false);
    expect(run(["--help=false"]).help).toBe(false);
  });

  test("is asked for by -h where that is no flag of its own", () => {
    expect(parseFlags({ all: { kind: "boolean", short: "a", help: "" } }, ["-ah"], { interspersed: true }).help).toBe(
      true,
    );
    expect(run(["-h", "x"]).help).toBe(false);
  });
});

test("which flags were given is known, by their own names", () => {
  expect([...run(["--timeout=3", "-it"]).given].sort()).toEqual(["interactive", "time", "tty"]);
});

/** One flag in one of the ways to write it. */
const written = fc.oneof(
  fc.constantFrom("interactive", "tty", "detach").chain((name) =>
    fc.record({
      name: fc.constant(name),
      value: fc.boolean(),
      style: fc.constantFrom("=", "short="),
    }),
  ),
  fc.record({
    name: fc.constantFrom("name", "env"),
    value: fc.string(),
    style: fc.constantFrom("=", " ", "short", "short "),
  }),
);

function write(flag: { name: string; value: boolean | string; style: string }): string[] {
  const { short } = TABLE[flag.name as Exclude<keyof typeof TABLE, "sig-proxy">];
  const value = String(flag.value);
  if (flag.style === "=") return [`--${flag.name}=${value}`];
  if (flag.style === "short=") return [`-${short}=${value}`];
  if (flag.style === " ") return [`--${flag.name}`, value];
  // Glued to its letter an empty value is none, and `=` would be taken off.
  if (flag.style === "short" && value !== "" && !value.startsWith("=")) return [`-${short}${value}`];
  return [`-${short}`, value];
}

test("however flags are written, the same values come out", () => {
  fc.assert(
    fc.property(fc.array(written), fc.array(fc.string()), (flags, rest) => {
      const words = flags.flatMap(write);
      const { values, positionals } = run([...words, "--", ...rest]);
      const last = (name: string): unknown => flags.findLast((flag) => flag.name === name)?.value;
      expect(values.name).toBe((last("name") as string | undefined) ?? null);
      expect(values.tty).toBe((last("tty") as boolean | undefined) ?? false);
      expect(values.env).toEqual(flags.filter((flag) => flag.name === "env").map((flag) => flag.value as string));
      expect(positionals).toEqual(rest);
    }),
  );
});

test("no word does anything but parse or be refused", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
      try {
        run(words, true);
      } catch (error) {
        expect(error).toBeInstanceOf(FlagError);
      }
    }),
  );
});
