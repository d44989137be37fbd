// docker logs: what the container wrote, from the keeper's files, each stream to ours.

import { BunkerError } from "../../errors.ts";
import { LATEST_FLAG, planChoice } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { LogWriter } from "../log-writer.ts";
import { flush } from "../output.ts";
import { parseDecimal, ScanError } from "../strconv.ts";
import { parseTimestamp } from "../time.ts";
import { shortId } from "../units.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    color: { kind: "boolean", help: "Put what is whose before each line, in colours" },
    details: { kind: "boolean", help: "Show extra details provided to logs" },
    follow: { kind: "boolean", short: "f", help: "Follow log output" },
    latest: LATEST_FLAG,
    names: { kind: "boolean", help: "Put the container's name before each line" },
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
  arguments: { min: 0, max: ANY_NUMBER },
  completes: "container",
  examples: ["logs web", "logs -f --tail 20 web", "logs --since 10m -t web", "logs -f --names web db"],
  run({ path, values, positionals, globals }) {
    const choose = planChoice({ path, usage: USAGE, positionals }, { latest: values.latest });
    const now = new Date();
    const options = {
      follow: values.follow,
      tail: parseTail(values.tail),
      since: parseLimit("since", values.since, now),
      until: parseLimit("until", values.until, now),
    };
    return withEngine(globals, async (engine, calls) => {
      const names = choose(engine, calls);
      const marked = names.length > 1 || values.names || values.color;
      // All of them first: a name that is none is told before anything is shown.
      const records = names.map((name) => (marked ? calls.viewContainer(engine, name).record : { id: name, name }));
      await flush();
      const writer = new LogWriter({ timestamps: values.timestamps, details: values.details });
      const read = ({ id, name }: { id: string; name: string }, at: number): Promise<void> => {
        const source = marked ? { mark: values.names ? name : shortId(id), colour: values.color ? at : null } : null;
        return calls.readLogs(engine, id, options, (entry) => writer.add(entry, source));
      };
      if (options.follow) await Promise.all(records.map(read));
      else for (const [at, record] of records.entries()) await read(record, at);
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
