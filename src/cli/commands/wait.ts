// docker wait: exit codes, as the containers end; with podman's conditions other states.

import type { AwaitedState } from "../../engine/index.ts";
import { BunkerError } from "../../errors.ts";
import { LATEST_FLAG, planChoice } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { print } from "../output.ts";
import { quote, ScanError } from "../strconv.ts";
import { forEachTarget } from "../targets.ts";
import { parseDuration } from "../time.ts";
import { UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";
/** podman's answer where a container is missing and may be. */
const MISSING = -1;
const DEFAULT_INTERVAL_MS = 250;

/** podman's words for what a container can be waited for. What is created here needs no further preparation. */
const STATES: Readonly<Record<string, AwaitedState>> = {
  configured: "created",
  created: "created",
  exited: "exited",
  initialized: "created",
  paused: "paused",
  removing: "gone",
  running: "running",
  stopped: "exited",
};
/** No container is probed yet. */
const LATER_STATES = ["healthy", "unhealthy"];

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    condition: {
      kind: "list",
      placeholder: "state",
      help: `Wait for one of these states (${Object.keys(STATES).join(", ")})`,
      parse: parseConditions,
    },
    "exit-first-match": { kind: "boolean", help: "Wait for one of the containers only" },
    ignore: { kind: "boolean", help: "Ignore containers that are not there: print -1" },
    interval: {
      kind: "string",
      short: "i",
      placeholder: "duration",
      help: "Time between two looks, with --condition",
      shownDefault: '"250ms"',
      parse: parseInterval,
    },
    latest: LATEST_FLAG,
  },
  arguments: { min: 0, max: ANY_NUMBER },
  completes: "container",
  examples: ["wait job", "wait --condition running web"],
  run({ path, values, positionals, globals }) {
    const choose = planChoice({ path, usage: USAGE, positionals }, { latest: values.latest });
    const states = new Set(values.condition.flat());
    const interval = values.interval ?? DEFAULT_INTERVAL_MS;
    return withEngine(globals, async (engine, calls) => {
      const end = async (name: string): Promise<number> => {
        if (states.size === 0) return calls.waitContainer(engine, name);
        return (await calls.loadWait()).waitForState(engine, name, { states, interval });
      };
      const wait = async (name: string): Promise<string> =>
        `${await (values.ignore ? orMissing(end(name)) : end(name))}\n`;
      const names = choose(engine, calls);
      if (!values["exit-first-match"]) {
        return forEachTarget(names, wait, { emptyName: "invalid container name or ID: value is empty" });
      }
      print(await Promise.race(names.map(wait)));
      return 0;
    });
  },
});

async function orMissing(code: Promise<number>): Promise<number> {
  try {
    return await code;
  } catch (error) {
    if (error instanceof BunkerError && error.code === "not-found") return MISSING;
    throw error;
  }
}

/** podman: several words in one, too. */
function parseConditions(text: string): AwaitedState[] {
  return text.split(",").map((word) => {
    const state = Object.hasOwn(STATES, word) ? STATES[word] : undefined;
    if (state !== undefined) return state;
    if (LATER_STATES.includes(word)) {
      throw new UsageError(`--condition ${word} is not supported yet`, { code: "unsupported" });
    }
    throw new ScanError(`unknown container state ${quote(word)}: it is one of ${Object.keys(STATES).join(", ")}`);
  });
}

/** podman: a number without a unit is milliseconds. */
function parseInterval(text: string): number {
  const interval = parseDuration(/^\d+$/.test(text) ? `${text}ms` : text);
  if (interval > 0) return interval;
  throw new ScanError("the interval must be longer than nothing");
}
