// A container's processes in the columns of ps(1). Pure.

import type { ProcessFacts } from "../engine/index.ts";
import { DESCRIPTORS } from "./process-descriptor.ts";

const DAY_SECONDS = 86_400;

export interface Column {
  heading: string;
  value: (facts: ProcessFacts, now: Date) => string;
}

/** Names of `ps -o` → columns. */
const COLUMNS: Readonly<Record<string, Column>> = {
  args: { heading: "COMMAND", value: command },
  c: { heading: "C", value: ({ share }) => String(share) },
  cmd: { heading: "CMD", value: command },
  comm: { heading: "COMMAND", value: ({ name }) => name },
  pid: { heading: "PID", value: ({ pid }) => String(pid) },
  ppid: { heading: "PPID", value: ({ parent }) => String(parent) },
  stime: { heading: "STIME", value: startTime },
  time: { heading: "TIME", value: ({ cpu }) => clock(cpu) },
  tty: { heading: "TTY", value: ({ terminal }) => terminal ?? "?" },
  uid: { heading: "UID", value: ({ uid }) => String(uid) },
  user: { heading: "USER", value: user },
};
/** `ps -f`, where UID shows names. */
const FULL: readonly Column[] = [
  { heading: "UID", value: user },
  ...["pid", "ppid", "c", "stime", "tty", "time", "cmd"].map((name) => COLUMNS[name] as Column),
];
const FULL_WORDS = new Set(["-ef", "-f", "-fe", "-e", "ef", "f"]);

/** docker's table, what `-o` or podman's descriptors name; `null`: the host's ps knows better. */
export function processTable(
  words: readonly string[],
  processes: readonly ProcessFacts[],
  now: Date,
): string[][] | null {
  const columns = chooseColumns(words);
  if (columns === null) return null;
  return [
    columns.map(({ heading }) => heading),
    ...processes.map((facts) => columns.map(({ value }) => value(facts, now))),
  ];
}

function chooseColumns(words: readonly string[]): readonly Column[] | null {
  const rest = words.filter((word) => !FULL_WORDS.has(word));
  if (rest.length === 0) return FULL;
  const [option = "", ...names] = rest;
  const list =
    option === "-o" ? names.join(",") : option.startsWith("-o") ? [option.slice(2), ...names].join(",") : null;
  if (list !== null) return columnsOf(list.split(","), COLUMNS);
  return rest.some((word) => word.startsWith("-")) ? null : columnsOf(rest.join(",").split(","), DESCRIPTORS);
}

/** `null`: not all of them are known. */
function columnsOf(names: readonly string[], known: Readonly<Record<string, Column>>): Column[] | null {
  const columns = names.flatMap((name) => (Object.hasOwn(known, name) ? (known[name] ?? []) : []));
  return columns.length === names.length ? columns : null;
}

function command({ words, name }: ProcessFacts): string {
  return words.length === 0 ? `[${name}]` : words.join(" ");
}

/** The container's own names are a stranger's word; only root is the same everywhere. */
function user({ uid }: ProcessFacts): string {
  return uid === 0 ? "root" : String(uid);
}

/** ps: the time of one that started today, else the day. */
function startTime({ startedAt }: ProcessFacts, now: Date): string {
  const start = new Date(startedAt * 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (now.getTime() / 1000 - startedAt < DAY_SECONDS) return `${two(start.getHours())}:${two(start.getMinutes())}`;
  const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  return `${months[start.getMonth()]}${two(start.getDate())}`;
}

function clock(seconds: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
}
