// A log's entries → bytes on standard output and error, with the time and whose they are before each line.

import type { LogEntry } from "../engine/index.ts";
import { OutputError, type StreamName, writeBytes } from "./output.ts";

const NEWLINE = new Uint8Array([0x0a]);
/** Written at once at the latest when this much has come together. */
const BATCH = 64 * 1024;
const ENCODER = new TextEncoder();

/** podman's: what tells containers apart that write to one terminal (SGR 31 to 36). */
const COLOURS = ["\u001b[36m", "\u001b[33m", "\u001b[32m", "\u001b[35m", "\u001b[34m", "\u001b[31m"];
const RESET = "\u001b[0m";

/** Whose entries they are, where several containers' come together. */
export interface LogSource {
  /** Before each line. */
  mark: string;
  /** Its number among the containers; `null`: without colours. */
  colour: number | null;
}

/** Entries → bytes on the right stream, many at a time. A line may come in several entries; what stands before it comes once. */
export class LogWriter {
  readonly #timestamps: boolean;
  readonly #details: boolean;
  /** Streams whose last line goes on, and whose it is. */
  readonly #open = new Map<StreamName, LogSource | null>();
  #stream: StreamName = "stdout";
  #parts: Uint8Array[] = [];
  #size = 0;
  #scheduled = false;

  constructor({ timestamps, details = false }: { timestamps: boolean; details?: boolean }) {
    this.#timestamps = timestamps;
    this.#details = details;
  }

  add(entry: LogEntry, source: LogSource | null = null): void {
    const { stream } = entry;
    if (stream !== this.#stream) this.write();
    this.#stream = stream;
    const open = this.#open.has(stream);
    const continued = open && this.#open.get(stream) === source;
    // Somebody else's line is in the middle: it goes on in a line of its own.
    if (!continued && open) this.#push(NEWLINE);
    // Nothing is to stand before a line in most logs, and a follower must keep up with their writer.
    if (!continued && (this.#timestamps || this.#details || source !== null)) {
      this.#push(ENCODER.encode(this.#before(entry, source)));
    }
    // The reader uses its buffer again.
    this.#push(entry.bytes.slice());
    if (entry.partial) this.#open.set(stream, source);
    else {
      if (open) this.#open.delete(stream);
      this.#push(NEWLINE);
    }
    if (this.#size >= BATCH) this.write();
    else this.#schedule();
  }

  #before({ time }: LogEntry, source: LogSource | null): string {
    const mark = source === null ? "" : `${paint(source)} `;
    // docker: a space behind the details, and none of them without options of a log driver that ask for some.
    const details = this.#details ? " " : "";
    return this.#timestamps ? `${mark}${time} ${details}` : `${mark}${details}`;
  }

  #push(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#size += bytes.length;
  }

  /** What came in one turn is written at its end: following must not wait for a full batch. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      try {
        this.write();
      } catch (error) {
        // Whoever waits for outputBroken ends the command.
        if (!(error instanceof OutputError)) throw error;
      }
    });
  }

  write(): void {
    if (this.#size === 0) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    writeBytes(this.#stream, bytes);
  }
}

function paint({ mark, colour }: LogSource): string {
  return colour === null ? mark : `${COLOURS[colour % COLOURS.length] ?? ""}${mark}${RESET}`;
}
