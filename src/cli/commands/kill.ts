// docker kill: a signal, SIGKILL unless another is named.

import { parseSignal } from "../../container/index.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const DEFAULT_SIGNAL = "KILL";

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  flags: {
    signal: { kind: "string", short: "s", help: "Signal to send to the container" },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "running",
  examples: ["kill web", "kill -s HUP web"],
  run({ values, positionals, globals }) {
    const signal = values.signal ?? DEFAULT_SIGNAL;
    parseSignal(signal);
    return withEngine(globals, (engine, { killContainer }) =>
      forEachTarget(positionals, async (name) => {
        await killContainer(engine, name, signal);
        return `${printable(name)}\n`;
      }),
    );
  },
});
