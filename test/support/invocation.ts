// Invocations as data: the words, what docker and podman answered to the same words (test/expected/invocations), and where
// ours differs, why.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { CommandResult } from "./command.ts";

/** Where ours is not docker's answer: what it is instead, and why. Found in, not equal to, what ours says. */
export interface Difference {
  code?: number;
  says?: string;
  prints?: string;
  because: string;
}

/** Words as a shell would split them, alone where ours is docker's answer. */
export type Row = string | readonly [words: string, ours: Difference];

export interface Answer {
  code: number | null;
  /** Standard output, where it is one line. */
  prints: string;
  /** The line of standard error that tells what was wrong. */
  says: string;
}

/** What the others answered to a row. */
interface Answers {
  words: string;
  docker: Answer;
  podman: Answer;
}

/** What is there when the rows run; the same words for all three engines. */
export const SETTING: readonly string[] = [
  "run -d --name up busybox sleep 1000",
  "run -d --name victim busybox sleep 1000",
  "run -d --name second busybox sleep 1000",
  "run -d --name third busybox sleep 1000",
  "run -d --name iced busybox sleep 1000",
  "pause iced",
  "create --name done busybox sh -c 'echo said; exit 3'",
  "start done",
  "wait done",
  "create --name fresh busybox true",
  "create --name quick busybox true",
  "create --name short busybox sh -c 'echo short; exit 5'",
  "create --name again busybox true",
  "create --name restarted busybox true",
  "create --name nocommand busybox nowhere",
  "create --name goner busybox true",
  "volume create spare",
  "create --name holder -v kept:/data busybox true",
];

/** Splits as a shell does that knows nothing but quotes and, between double ones, the backslash. */
export function splitWords(line: string): string[] {
  const words = line.matchAll(/(?:[^\s'"]+|'[^']*'|"(?:[^"\\]|\\.)*")+/g);
  return Array.from(words, ([word]) => word.replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"/g, unquote));
}

function unquote(_all: string, single: string | undefined, double: string | undefined): string {
  return single ?? (double ?? "").replaceAll(/\\(.)/g, "$1");
}

export function answerOf({ code, stdout, stderr }: CommandResult): Answer {
  const printed = stdout.trimEnd();
  const complained = complaint(stderr);
  // docker's exec tells on the command's standard output why there is no command.
  if (complained === "" && DOCKER_EXEC.test(printed)) return { code, prints: "", says: withoutIds(printed) };
  return { code, prints: printed.includes("\n") ? MANY_LINES : withoutIds(printed), says: withoutIds(complained) };
}

/** Stands for standard output that no table should hold. */
const MANY_LINES = "…";
const DOCKER_EXEC = /^(?:OCI runtime exec failed|unable to find|uids and gids)/;

/** Engines put a usage text, a pointer to help and their log around what they have to say. */
function complaint(stderr: string): string {
  const lines = stderr.split(/\r?\n/).filter((line) => !/^(?:time=|WARN|hint: |Usage: |See ')|^\s*$/.test(line));
  return lines[0] ?? "";
}

function withoutIds(text: string): string {
  return text.replaceAll(/\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g, "<id>");
}

/** Whether ours is docker's answer: the same code and output, and the same words, more or fewer. */
export function agrees(ours: Answer, theirs: Answer): boolean {
  const one = plainMessage(ours.says);
  const other = plainMessage(theirs.says);
  const sameWords = one === other || (one !== "" && other !== "" && (one.includes(other) || other.includes(one)));
  return ours.code === theirs.code && ours.prints === theirs.prints && sameWords;
}

/** Who says it, in which operation, and the runtime's way to put it: none of that is what is said. */
const TRIMMINGS = [
  /^(?:bunker|docker|error response from daemon|error): /,
  /^failed to create shim task: .*?container process: /,
  /^oci runtime exec failed: exec failed: (?:unable to start container process: )?/,
  /^(?:starting container|running a command in container|creating a container from) "[^"]*": /,
  /^invalid argument ".*?" for "--mount" flag: (?!invalid argument)/,
  /^create [^:]*: /,
  /: unknown$/,
  /(?<=: )stat [^:]*: /,
  /\.$/,
];

/** A message without its trimmings, without quotes and in lower case. */
export function plainMessage(says: string): string {
  let plain = says.toLowerCase().replaceAll(/\bdocker(?= )/g, "bunker");
  for (let before = ""; before !== plain;) {
    before = plain;
    for (const trimming of TRIMMINGS) plain = plain.replace(trimming, "");
  }
  return plain.replaceAll(/["'[\]]/g, "");
}

/** A row's record to a line, so that what has changed is seen. */
export function recordPath(topic: string): string {
  return join(import.meta.dir, "../expected/invocations", `${topic}.jsonl`);
}

/** What docker and podman answered to the rows of a topic. */
export function readAnswers(topic: string): ReadonlyMap<string, Answers> {
  const lines = readFileSync(recordPath(topic), "utf8").trimEnd().split("\n");
  // Not kept: a record may just have been made.
  return new Map(lines.map((line) => JSON.parse(line) as Answers).map((answers) => [answers.words, answers]));
}
