// docker logs: the keeper's CRI log files read in order, from a point or the tail, and followed across rotation.
// Lines are `<RFC 3339 nanoseconds> stdout|stderr F|P <bytes>` (Kubernetes CRI log format).

import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { isLocked } from "../native/index.ts";
import { keeperOf } from "./adopt.ts";
import type { Engine } from "./engine.ts";
import { type ContainerView, viewContainer, viewRecord } from "./view.ts";

export interface LogEntry {
  stream: "stdout" | "stderr";
  /** RFC 3339 with nanoseconds. */
  time: string;
  bytes: Uint8Array;
  /** The line goes on in the next entry of the same stream. */
  partial: boolean;
}

export interface LogOptions {
  follow: boolean;
  /** Lines from the end; `null`: all. */
  tail: number | null;
  since: Date | null;
  until: Date | null;
}

const MAX_ROTATED = 9;
const READ_SIZE = 256 * 1024;
const FOLLOW_PAUSE_MS = 40;
const SPACE = 0x20;
const NEWLINE = 0x0a;

/** Calls `onLine` for each entry asked for; returns when there is no more (with `follow`: when the container has ended). */
export async function readLogs(
  engine: Engine,
  name: string,
  options: LogOptions,
  onLine: (entry: LogEntry) => void,
): Promise<void> {
  const view = viewContainer(engine, name);
  const { record } = view;
  ensureKeeper(engine, view);
  const directory = engine.store.layout.container(record.id);
  const reader = new LogReader(directory);
  const wanted = (entry: LogEntry): boolean => isWithin(entry, options);
  if (options.tail === null) reader.drain((entry) => wanted(entry) && onLine(entry));
  else for (const entry of lastLines(reader, options.tail, wanted)) onLine(entry);
  const lock = `${engine.store.layout.runtime(record.id)}/lock`;
  while (options.follow) {
    if (options.until !== null && Date.now() > options.until.getTime()) break;
    // Asked before reading: what was written before the keeper let go is then surely read.
    const running = isLocked(lock) || regainKeeper(engine, record.id);
    reader.drain((entry) => wanted(entry) && onLine(entry));
    if (!running) break;
    await Bun.sleep(FOLLOW_PAUSE_MS);
  }
  reader.close();
}

/** Without a keeper nobody writes the log of a container that lives. @returns whether it has one, perhaps only since now */
function ensureKeeper(engine: Engine, view: ContainerView): boolean {
  if (!view.orphaned) return false;
  const keeper = keeperOf(engine, view);
  keeper?.close();
  return keeper !== null;
}

/** Of a container that may have removed itself. */
function regainKeeper(engine: Engine, id: string): boolean {
  const record = engine.store.containers.find(id);
  const view = record === null ? null : viewRecord(engine, record);
  return view !== null && ensureKeeper(engine, view);
}

function isWithin(entry: LogEntry, options: LogOptions): boolean {
  if (options.since === null && options.until === null) return true;
  const time = Date.parse(entry.time);
  return (
    (options.since === null || time >= options.since.getTime()) &&
    (options.until === null || time <= options.until.getTime())
  );
}

/** The last `count` lines (a line may be several entries), holding no more than those in memory. */
function lastLines(reader: LogReader, count: number, wanted: (entry: LogEntry) => boolean): LogEntry[] {
  const lines: LogEntry[][] = [];
  const open = new Map<string, LogEntry[]>();
  reader.drain((entry) => {
    if (!wanted(entry)) return;
    const line = open.get(entry.stream) ?? [];
    if (line.length === 0) lines.push(line);
    line.push({ ...entry, bytes: entry.bytes.slice() });
    if (entry.partial) open.set(entry.stream, line);
    else open.delete(entry.stream);
    if (lines.length > count) lines.shift();
  });
  return lines.flat();
}

/** Reads `log.N` … `log.1`, then `log`, then what is appended to it, through rotations. */
class LogReader {
  readonly #directory: string;
  readonly #pending: string[];
  #fd: number | null = null;
  #offset = 0;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(directory: string) {
    this.#directory = directory;
    this.#pending = [];
    for (let number = MAX_ROTATED; number >= 1; number--) {
      if (statSync(`${directory}/log.${number}`, { throwIfNoEntry: false }) !== undefined) {
        this.#pending.push(`${directory}/log.${number}`);
      }
    }
    this.#pending.push(`${directory}/log`);
  }

  /** Everything that can be read now. */
  drain(onEntry: (entry: LogEntry) => void): void {
    for (;;) {
      if (this.#fd === null && !this.#openNext()) return;
      this.#readOpen(onEntry);
      if (!this.#isFinished()) return;
      this.close();
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
    this.#offset = 0;
  }

  #openNext(): boolean {
    const path = this.#pending[0] ?? `${this.#directory}/log`;
    try {
      this.#fd = openSync(path, "r");
    } catch {
      return false;
    }
    this.#pending.shift();
    return true;
  }

  /** The open file is done when another one follows it, or when it was rotated away and nothing is left in it. */
  #isFinished(): boolean {
    if (this.#pending.length > 0) return true;
    if (this.#fd === null) return true;
    const current = statSync(`${this.#directory}/log`, { throwIfNoEntry: false });
    const open = fstatSync(this.#fd);
    return current !== undefined && current.ino !== open.ino && this.#offset >= open.size;
  }

  #readOpen(onEntry: (entry: LogEntry) => void): void {
    const buffer = new Uint8Array(READ_SIZE);
    for (;;) {
      const count = readSync(this.#fd ?? -1, buffer, 0, READ_SIZE, this.#offset);
      if (count === 0) return;
      this.#offset += count;
      this.#split(buffer.subarray(0, count), onEntry);
    }
  }

  #split(chunk: Uint8Array, onEntry: (entry: LogEntry) => void): void {
    let data = chunk;
    if (this.#rest.length > 0) {
      data = new Uint8Array(this.#rest.length + chunk.length);
      data.set(this.#rest);
      data.set(chunk, this.#rest.length);
    }
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      const entry = parseLine(data.subarray(start, end));
      if (entry !== null) onEntry(entry);
      start = end + 1;
    }
    this.#rest = data.slice(start);
  }
}

const DECODER = new TextDecoder();

/** `null`: not a line of ours (a disk error, a torn write). */
function parseLine(line: Uint8Array): LogEntry | null {
  const first = line.indexOf(SPACE);
  const second = line.indexOf(SPACE, first + 1);
  const third = line.indexOf(SPACE, second + 1);
  if (first < 0 || second < 0 || third < 0) return null;
  const stream = DECODER.decode(line.subarray(first + 1, second));
  if (stream !== "stdout" && stream !== "stderr") return null;
  return {
    stream,
    time: DECODER.decode(line.subarray(0, first)),
    bytes: line.subarray(third + 1),
    partial: DECODER.decode(line.subarray(second + 1, third)) === "P",
  };
}
