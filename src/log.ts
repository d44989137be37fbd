// What a person who looks for a fault wants to read: consola on standard error, loaded when the first line is wanted.
// Not for results (they are printed) and not for failures (they are thrown).

import type { ConsolaInstance, LogObject } from "consola/core";
import { BunkerError } from "./errors.ts";

/** docker's words, least to most important. */
const LEVELS = ["debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof LEVELS)[number];

/** Lines that came before consola was there, at most this many. */
const MAX_WAITING = 1000;
/** consola's most talkative level: what is shown is decided here. */
const EVERYTHING = 999;

let threshold = LEVELS.indexOf("warn");
let writeSync: (fd: number, text: string) => number = () => 0;
let consola: ConsolaInstance | null = null;
let loading: Promise<void> | null = null;
const waiting: { level: LogLevel; message: string }[] = [];

/** @throws BunkerError usage in docker's words */
export function parseLogLevel(word: string): LogLevel {
  const level = LEVELS.find((known) => known === word.toLowerCase());
  if (level !== undefined) return level;
  throw new BunkerError("usage", `unable to parse logging level: ${word}`, {
    hint: `The levels are ${LEVELS.join(", ")}.`,
  });
}

export function setLogLevel(level: LogLevel): void {
  threshold = LEVELS.indexOf(level);
}

function write(level: LogLevel, message: string): void {
  if (LEVELS.indexOf(level) < threshold) return;
  if (consola !== null) return consola[level](message);
  if (waiting.length < MAX_WAITING) waiting.push({ level, message });
  loading ??= load();
}

async function load(): Promise<void> {
  ({ writeSync } = await import("node:fs"));
  const { createConsola } = await import("consola/core");
  consola = createConsola({ level: EVERYTHING, reporters: [{ log: report }] });
  for (const { level, message } of waiting.splice(0)) consola[level](message);
}

// C0 but tab, DEL and C1: a message may quote what a stranger wrote.
const CONTROL = /(?!\t)\p{Cc}/gu;

const STDERR = 2;

function report(line: LogObject): void {
  const text = line.args.map(String).join(" ");
  const safe = text.replace(CONTROL, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
  try {
    // Not console.error: Bun colours it on a terminal.
    writeSync(STDERR, `${line.date.toISOString()} ${line.type} ${safe}\n`);
  } catch {
    // Standard error is gone or full: nobody can be told.
  }
}

export const log = {
  debug: (message: string): void => write("debug", message),
  info: (message: string): void => write("info", message),
  warn: (message: string): void => write("warn", message),
  error: (message: string): void => write("error", message),
};

/** Waits for lines that are not written yet. */
export async function flushLog(): Promise<void> {
  await loading;
}
