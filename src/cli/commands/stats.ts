// docker stats: what containers use, again and again.

import type { Engine, StatsSample } from "../../engine/index.ts";
import { BunkerError } from "../../errors.ts";
import { LATEST_FLAG, latestContainer } from "../choice.ts";
import { type EngineCalls, isTerminalOutput, withEngine } from "../engine.ts";
import type { FlagValues } from "../flags.ts";
import { FORMAT_HELP, formatRows } from "../format.ts";
import { flush, print } from "../output.ts";
import { STATS_LISTING, statsRow } from "../stats-row.ts";
import { UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

/** Clears the terminal and begins at its top (ECMA-48 CUP, ED). */
const CLEAR = "\u001b[H\u001b[2J";
/** Between the two looks that the first answer takes. */
const FIRST_MS = 500;
const DEFAULT_SECONDS = 1;

const FLAGS = {
  all: { kind: "boolean", short: "a", help: "Show all containers (default shows just running)" },
  format: { kind: "string", help: FORMAT_HELP },
  interval: {
    kind: "integer",
    short: "i",
    placeholder: "seconds",
    help: "Time between two answers",
    shownDefault: String(DEFAULT_SECONDS),
  },
  latest: LATEST_FLAG,
  "no-reset": { kind: "boolean", help: "Do not clear the screen between two answers" },
  "no-stream": { kind: "boolean", help: "Disable streaming stats and only pull the first result" },
  "no-trunc": { kind: "boolean", help: "Do not truncate output" },
} as const;

type Values = FlagValues<typeof FLAGS>;

interface Opened {
  engine: Engine;
  calls: EngineCalls;
}

/** By what was asked for. */
type Samples = Map<string, StatsSample>;

export const verb = defineVerb({
  usage: "[OPTIONS] [CONTAINER...]",
  flags: FLAGS,
  arguments: { min: 0, max: ANY_NUMBER },
  completes: "running",
  examples: ["stats", "stats --no-stream web", "stats --format '{{.Name}}: {{.MemUsage}}'"],
  run({ values, positionals, globals }) {
    if ((values.all || values.latest) && positionals.length > 0) {
      throw new UsageError("--all and --latest cannot be used together with names");
    }
    const seconds = values.interval ?? DEFAULT_SECONDS;
    if (seconds < 1) throw new UsageError("--interval needs a number of seconds, at least 1");
    return withEngine(globals, async (engine, calls) => {
      const opened = { engine, calls };
      const clear = !values["no-reset"] && !values["no-stream"] && (await isTerminalOutput()) ? CLEAR : "";
      let before = await look(opened, values, positionals);
      for (let pause = FIRST_MS; ; pause = seconds * 1000) {
        await Bun.sleep(pause);
        const now = await look(opened, values, positionals);
        print(clear + (await render(now, before, values)));
        if (values["no-stream"]) return 0;
        // Ends, too, when nobody reads any more.
        await flush();
        before = now;
      }
    });
  },
});

async function look({ engine, calls }: Opened, values: Values, names: readonly string[]): Promise<Samples> {
  const { sampleContainer } = await calls.loadStats();
  const samples: Samples = new Map();
  if (names.length > 0) for (const name of names) samples.set(name, sampleContainer(engine, name));
  else {
    const ids = values.latest
      ? [latestContainer(engine, calls)]
      : calls
          .listContainers(engine, { active: !values.all })
          .filter(({ status }) => values.all || status === "running")
          .map(({ record }) => record.id);
    for (const id of ids) {
      const sample = unlessGone(() => sampleContainer(engine, id));
      if (sample !== null) samples.set(id, sample);
    }
  }
  return samples;
}

/** One that nobody named may end, or go, at any moment. */
function unlessGone<T>(action: () => T): T | null {
  try {
    return action();
  } catch (error) {
    if (error instanceof BunkerError && /^(?:not-found|not-running)$/.test(error.code)) return null;
    throw error;
  }
}

async function render(now: Samples, before: Samples, values: Values): Promise<string> {
  const truncate = !values["no-trunc"];
  const rows = [...now].map(([asked, sample]) => statsRow(sample, before.get(asked) ?? null, { asked, truncate }));
  return formatRows(STATS_LISTING, rows, { format: values.format, escape: await isTerminalOutput() });
}
