// Hostile words (security.md §3.7): every flag of every verb with values that are none, too large, or made to steer a terminal.
// Whatever is said, a command ends, says why in one line or two, shows nothing that a terminal would obey, and never calls it a
// bug. Each day some hundred of all combinations, drawn by the seed; all of them when there is time.

import { describe, expect } from "bun:test";

import type { Flag } from "../../../src/cli/flags.ts";
import { VERBS } from "../../../src/cli/verbs.ts";
import { isLong } from "../../support/guards.ts";
import { Random, testSeed } from "../../support/random.ts";
import { useStage } from "../../support/stage.ts";

const DRAWN = 350;
const SIDE_BY_SIDE = 4;
/** Thousands of containers would take minutes to remove at the end. */
const TIDY_EVERY = 100;
const TIMEOUT_MS = isLong() ? 1_800_000 : 120_000;
/** A command that takes no longer to refuse; far more than any needs here. */
const PATIENCE_MS = 30_000;
/** One word of a command line is at most 128 KiB (execve(2), MAX_ARG_STRLEN). */
const LARGE = 128 * 1024 - 64;

const VALUES: Readonly<Record<string, string>> = {
  empty: "",
  space: " ",
  newline: "a\nb",
  return: "a\rbunker: all is well",
  escape: "\u001b[2J\u001b]0;title\u0007",
  "one-byte escape": "\u009b31m",
  bidirectional: "\u202egnp.exe",
  dash: "-",
  dashes: "--",
  flag: "--privileged",
  "wide digit": "１",
  "negative number": "-1",
  "too large": "9223372036854775808",
  "larger than exact": "9007199254740993",
  exponent: "1e9",
  hexadecimal: "0x10",
  underscores: "1_000",
  "no number": "NaN",
  size: "10XB",
  prototype: "__proto__",
  "prototype's key": "constructor=1",
  parents: "../../../../etc/passwd",
  root: "/",
  equals: "=",
  colons: "::::",
  commas: ",,,,",
  percent: "%s%n%x",
  braces: "{{{{.}}",
  large: "x".repeat(LARGE),
  "large and deep": "/x".repeat(LARGE / 2),
  "large list": "a=b,".repeat(LARGE / 4),
  device: "/dev/zero",
  "own input": "/dev/stdin",
};

/** Words after the flags. */
const WORDS: Readonly<Record<string, string[]>> = {
  create: ["busybox", "true"],
  "image exists": ["busybox"],
  "image inspect": ["busybox"],
  images: [],
  info: [],
  "container prune": [],
  "volume prune": [],
  "volume ls": [],
  ps: [],
  pull: ["127.0.0.1:1/nowhere"],
  rename: ["fresh", "other"],
  run: ["busybox", "true"],
  tag: ["busybox", "other"],
  rm: ["nowhere"],
  rmi: ["other"],
  version: [],
  cp: ["fresh:/etc/passwd", "-"],
  exec: ["up", "true"],
  // It would look on for as long as a container runs.
  stats: ["nowhere"],
};
/** Verbs that print what they are asked for and no engine has a part in, or that would wait. */
const LEFT_OUT = new Set(["completion", "help", "doctor", "wait"]);
/** These end with the container, or never. */
const WAITING = new Set(["attach", "watch"]);

const stage = useStage();

interface Case {
  words: string[];
  title: string;
}

function takesText(name: string, flag: Flag): boolean {
  return flag.kind !== "boolean" && !WAITING.has(name);
}

async function allCases(): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [key, entry] of Object.entries(VERBS)) {
    if (LEFT_OUT.has(key)) continue;
    const { verb } = await entry.load();
    const rest = WORDS[key] ?? ["fresh"];
    const flags = Object.entries(verb.flags).flatMap(([name, flag]) => (takesText(name, flag) ? [name] : []));
    for (const [kind, value] of Object.entries(VALUES)) {
      for (const name of flags) {
        cases.push({ words: [...key.split(" "), `--${name}=${value}`, ...rest], title: `${key} --${name}: ${kind}` });
      }
      // In place of each word, and of all of them.
      for (const at of rest.keys()) {
        const words = rest.with(at, value);
        cases.push({ words: [...key.split(" "), "--", ...words], title: `${key}, word ${at + 1}: ${kind}` });
      }
    }
  }
  // So many tries are taken, and made.
  return cases.filter(({ words }) => !words.includes(`--retry=${VALUES["larger than exact"]}`));
}

function draw(cases: Case[]): Case[] {
  const random = new Random(testSeed());
  return isLong() ? cases : Array.from({ length: Math.min(DRAWN, cases.length) }, () => random.take(cases));
}

const KILLED = 137;

/** All that is wrong with how it ended. */
async function problemsOf({ words, title }: Case): Promise<string[]> {
  const result = await stage.env.run(words, { stdin: "", timeoutMs: PATIENCE_MS }).catch(String);
  if (typeof result === "string") return [`${title}: ${result}`];
  const { code, signal, stderr, stdout } = result;
  const obeyed = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
  // The container that it watched, whose end another case was about.
  const wasKilled = code === KILLED && words[0] === "attach";
  const problems: Record<string, boolean> = {
    [`ended by ${signal}`]: signal !== null,
    [`exit code ${code}`]: code === null || (code > 127 && !wasKilled),
    "no word of why": code !== 0 && code !== 1 && !wasKilled && stderr === "",
    "a bug": /this is a bug|panicked|\bat .*:\d+:\d+|undefined is not/.test(stderr),
    "a control character": obeyed.test(stderr),
    // A template and an archive print what they hold.
    "a control character on standard output": !/ - |--format=/.test(` ${words.join(" ")} `) && obeyed.test(stdout),
    "a flood": stderr.length > 16 * 1024,
  };
  const found = Object.keys(problems).filter((problem) => problems[problem]);
  return found.map((problem) => `${title}: ${problem}: ${JSON.stringify(stderr.slice(0, 300))}`);
}

describe("hostile words", () => {
  stage.it(
    "are taken or refused in a line that a terminal can show",
    async () => {
      // A stop with a large timeout is taken: it would wait as long for a process that no polite signal ends.
      const docile = ["--stop-signal", "KILL"];
      await stage.env.ok(["run", "-d", "--name", "fresh", "--network", "none", ...docile, "busybox", "sleep", "1000"]);
      await stage.env.ok(["run", "-d", "--name", "up", "--network", "none", "busybox", "sleep", "1000"]);
      const cases = draw(await allCases());
      const problems: string[] = [];
      const worker = async (): Promise<void> => {
        for (let one = cases.pop(); one !== undefined; one = cases.pop()) {
          problems.push(...(await problemsOf(one)));
          if (cases.length % TIDY_EVERY === 0) await stage.env.run(["container", "prune", "--force"]);
        }
      };
      await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
      expect(problems).toEqual([]);
      await stage.env.run(["volume", "prune", "--all", "--force"]);
      await stage.env.run(["rmi", "other"]);
    },
    TIMEOUT_MS,
  );
});
