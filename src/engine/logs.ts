// docker logs: the keeper's CRI log files read in order, from a point or the tail, and followed across rotation.
// Lines are `<RFC 3339 nanoseconds> stdout|stderr F|P <bytes>` (Kubernetes CRI log format).

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
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
  /** Written as an entry's time, both inclusive. */
  since: string | null;
  until: string | null;
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
    if (options.until !== null && Date.now() > Date.parse(options.until)) break;
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

/** Times of one form and length: in order as text. */
function isWithin({ time }: LogEntry, { since, until }: LogOptions): boolean {
  return (since === null || time >= since) && (until === null || time <= until);
}

/** The last `count` lines (a line may be several entries), holding no more than those in memory. */
function lastLines(reader: LogReader, count: number, wanted: (entry: LogEntry) => boolean): LogEntry[] {
  const lines: LogEntry[][] = [];
  const unfinished = new Map<string, LogEntry[]>();
  reader.drain((entry) => {
    if (!wanted(entry)) return;
    const line = unfinished.get(entry.stream) ?? [];
    if (line.length === 0) lines.push(line);
    line.push({ ...entry, bytes: entry.bytes.slice() });
    if (entry.partial) unfinished.set(entry.stream, line);
    else unfinished.delete(entry.stream);
    if (lines.length > count) lines.shift();
  });
  return lines.flat();
}

/** One of the log's files, open: by its number it may be another one by the time it is opened. */
interface LogFile {
  fd: number;
  inode: number;
}

/** Reads the log's files from the oldest to the newest, then what is appended, through any number of rotations. */
class LogReader {
  readonly #directory: string;
  /** The one that is read, then those that come after it. */
  readonly #files: LogFile[] = [];
  #offset = 0;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Everything that can be read now. */
  drain(onEntry: (entry: LogEntry) => void): void {
    for (;;) {
      const [current] = this.#files;
      if (current !== undefined) this.#readOpen(current, onEntry);
      if (this.#files.length < 2) this.#files.push(...this.#newerThan(current?.inode ?? null));
      if (current !== undefined) {
        if (this.#files.length < 2) return;
        // Nothing is written to a file that another one follows, so this is the rest of it.
        this.#readOpen(current, onEntry);
        this.#closeFirst();
      } else if (this.#files.length === 0) return;
    }
  }

  close(): void {
    while (this.#files.length > 0) this.#closeFirst();
  }

  #closeFirst(): void {
    const first = this.#files.shift();
    if (first !== undefined) closeSync(first.fd);
    this.#offset = 0;
  }

  /** Opened from the newest back to a known one (or all), so that a rotation meanwhile shows one twice but hides none. */
  #newerThan(inode: number | null): LogFile[] {
    const found: LogFile[] = [];
    for (let number = 0; number <= MAX_ROTATED; number++) {
      const file = open(number === 0 ? `${this.#directory}/log` : `${this.#directory}/log.${number}`);
      if (file === null) continue;
      const known = file.inode === inode;
      if (known || found.some((other) => other.inode === file.inode)) closeSync(file.fd);
      else found.unshift(file);
      if (known) break;
    }
    return found;
  }

  #readOpen({ fd }: LogFile, onEntry: (entry: LogEntry) => void): void {
    const buffer = new Uint8Array(READ_SIZE);
    for (;;) {
      const count = readSync(fd, buffer, 0, READ_SIZE, this.#offset);
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

/** `null`: there is none of this name now. */
function open(path: string): LogFile | null {
  try {
    const fd = openSync(path, "r");
    return { fd, inode: fstatSync(fd).ino };
  } catch {
    return null;
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
