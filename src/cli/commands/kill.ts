// docker kill: a signal, SIGKILL unless another is named.

import { parseSignal } from "../../container/index.ts";
import { CHOICE_ARGUMENTS, CHOICE_FLAGS, planChoice } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { defineVerb } from "../verb.ts";

const DEFAULT_SIGNAL = "KILL";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    ...CHOICE_FLAGS,
    signal: { kind: "string", short: "s", help: "Signal to send to the container" },
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "running",
  examples: ["kill web", "kill -s HUP web"],
  run({ path, values, positionals, globals }) {
    const signal = values.signal ?? DEFAULT_SIGNAL;
    parseSignal(signal);
    const choose = planChoice({ path, usage: USAGE, positionals }, values, ({ status }) => status === "running");
    return withEngine(globals, (engine, calls) =>
      forEachTarget(choose(engine, calls), async (name) => {
        await calls.killContainer(engine, name, signal);
        return `${printable(name)}\n`;
      }),
    );
  },
});
