// The only writer of standard output and error. Batches what a command prints in one turn, keeps the order between the
// two streams, and notices when nobody reads any more. Never touches process.stdout: that costs 9 ms.

import { escapeCodePoint } from "./strconv.ts";

export type StreamName = "stdout" | "stderr";

/** Standard output could not be written; `broken`: nobody reads it any more, which is no error to report. */
export class OutputError extends Error {
  readonly broken: boolean;

  constructor(cause: NodeJS.ErrnoException) {
    super(`writing to standard output: ${cause.code === "ENOSPC" ? "no space left on device" : cause.message}`, {
      cause,
    });
    this.broken = cause.code === "EPIPE";
  }

  /** Of an output that we handed to somebody else, who could not write to it: nobody reads it, or what it is takes no more. */
  static unwritable(isRead: boolean): OutputError {
    const cause = isRead
      ? { message: "broken pipe", code: "EPIPE" }
      : { message: "it takes nothing more", code: "EIO" };
    return new OutputError(Object.assign(new Error(cause.message), cause));
  }
}

interface Chunk {
  stream: StreamName;
  text: string;
}

const queue: Chunk[] = [];
let writing: Promise<void> | null = null;
let failure: OutputError | null = null;
const { promise: brokenPromise, resolve: reportBroken } = Promise.withResolvers<OutputError>();

/** Standard output, exactly as given. */
export function print(text: string): void {
  enqueue("stdout", text);
}

/** Standard error, exactly as given. */
export function warn(text: string): void {
  enqueue("stderr", text);
}

function enqueue(stream: StreamName, text: string): void {
  if (text === "") return;
  const last = queue.at(-1);
  if (last?.stream === stream) last.text += text;
  else queue.push({ stream, text });
  // Started after this turn: a table printed row by row is one write.
  writing ??= Promise.resolve().then(drain);
}

async function drain(): Promise<void> {
  for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) await write(chunk);
  writing = null;
}

async function write({ stream, text }: Chunk): Promise<void> {
  if (stream === "stdout" && failure !== null) return;
  try {
    await Bun.write(stream === "stdout" ? Bun.stdout : Bun.stderr, text);
  } catch (error) {
    // Nobody can be told that standard error is gone.
    if (stream === "stdout") fail(error as NodeJS.ErrnoException);
  }
}

function fail(error: NodeJS.ErrnoException): OutputError {
  failure = new OutputError(error);
  reportBroken(failure);
  return failure;
}

/** Waits until everything printed so far is written. @throws OutputError */
export async function flush(): Promise<void> {
  for (let pending = writing; pending !== null; pending = writing) await pending;
  if (failure !== null) throw failure;
}

/** Settles once standard output cannot be written: a command that would print for ever ends then. */
export function outputBroken(): Promise<OutputError> {
  return brokenPromise;
}

const RETRY_MS = 2;

/**
 * Bytes, written before this returns: for streams that must not pile up in memory behind a slow reader.
 * Call `flush` first if something was printed. @throws OutputError
 */
export function writeBytes(stream: StreamName, bytes: Uint8Array): void {
  const { writeSync } = import.meta.require("node:fs") as typeof import("node:fs");
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(stream === "stdout" ? 1 : 2, bytes, offset, bytes.length - offset);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Somebody made the pipe or terminal non-blocking, and its reader is slow.
      if (code === "EAGAIN") Bun.sleepSync(RETRY_MS);
      else if (stream === "stderr") return;
      else throw fail(error as NodeJS.ErrnoException);
    }
  }
}

// C0, DEL, C1, and what changes the direction of text.
const CONTROL = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text of unknown origin, safe on a terminal: control characters become visible (`\x1b`). */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => {
    if (character === "\n") return "\\n";
    return character === "\t" ? "\\t" : escapeCodePoint(character);
  });
}
