// docker logs: what the container wrote, from the keeper's files, each stream to ours.

import type { LogEntry } from "../../engine/index.ts";
import { BunkerError } from "../../errors.ts";
import { withEngine } from "../engine.ts";
import { flush, OutputError, type StreamName, writeBytes } from "../output.ts";
import { parseDecimal, ScanError } from "../strconv.ts";
import { parseTimestamp } from "../time.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER",
  flags: {
    follow: { kind: "boolean", short: "f", help: "Follow log output" },
    since: {
      kind: "string",
      help: 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
    tail: {
      kind: "string",
      short: "n",
      help: "Number of lines to show from the end of the logs",
      shownDefault: '"all"',
    },
    timestamps: { kind: "boolean", short: "t", help: "Show timestamps" },
    until: {
      kind: "string",
      help: 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
  },
  arguments: { min: 1, max: 1 },
  completes: "container",
  examples: ["logs web", "logs -f --tail 20 web", "logs --since 10m -t web"],
  async run({ values, positionals, globals }) {
    const [name = ""] = positionals;
    const now = new Date();
    const options = {
      follow: values.follow,
      tail: parseTail(values.tail),
      since: parseLimit("since", values.since, now),
      until: parseLimit("until", values.until, now),
    };
    return withEngine(globals, async (engine, { readLogs }) => {
      await flush();
      const writer = new LogWriter(values.timestamps);
      await readLogs(engine, name, options, (entry) => writer.add(entry));
      writer.write();
      return 0;
    });
  },
});

/** `all` and numbers below zero are all, as in docker. */
export function parseTail(text: string | null): number | null {
  if (text === null || text === "" || text === "all") return null;
  try {
    const count = parseDecimal(text);
    return count < 0 ? null : count;
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    throw new BunkerError("usage", `invalid value for --tail: ${text}`, { hint: "Give a number of lines, or all." });
  }
}

function parseLimit(flag: string, text: string | null, now: Date): string | null {
  if (text === null || text === "") return null;
  try {
    return parseTimestamp(text, now);
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    throw new BunkerError("usage", `--${flag}: ${error.message}`);
  }
}

const NEWLINE = new Uint8Array([0x0a]);
/** Written at once at the latest when this much has come together. */
const BATCH = 64 * 1024;
const ENCODER = new TextEncoder();

/** Entries → bytes on the right stream, many at a time. A line may come in several entries; its time stands before the first. */
export class LogWriter {
  readonly #timestamps: boolean;
  readonly #open = new Set<string>();
  #stream: StreamName = "stdout";
  #parts: Uint8Array[] = [];
  #size = 0;
  #scheduled = false;

  constructor(timestamps: boolean) {
    this.#timestamps = timestamps;
  }

  add(entry: LogEntry): void {
    if (entry.stream !== this.#stream) this.write();
    this.#stream = entry.stream;
    if (this.#timestamps && !this.#open.has(entry.stream)) this.#push(ENCODER.encode(`${entry.time} `));
    // The reader uses its buffer again.
    this.#push(entry.bytes.slice());
    if (entry.partial) this.#open.add(entry.stream);
    else {
      this.#open.delete(entry.stream);
      this.#push(NEWLINE);
    }
    if (this.#size >= BATCH) this.write();
    else this.#schedule();
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
