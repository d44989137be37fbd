// docker stop: the stop signal, and SIGKILL for what does not listen.

import { parseSignal } from "../../container/index.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  flags: {
    signal: { kind: "string", short: "s", help: "Signal to send to the container" },
    timeout: { kind: "integer", short: "t", help: "Seconds to wait before killing the container", aliases: ["time"] },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "running",
  examples: ["stop web", "stop -t 2 web db"],
  run({ values, positionals, globals }) {
    const { signal, timeout } = values;
    if (signal !== null) parseSignal(signal);
    return withEngine(globals, (engine, { stopContainer }) =>
      forEachTarget(positionals, async (name) => {
        await stopContainer(engine, name, { signal, timeout });
        return `${printable(name)}\n`;
      }),
    );
  },
});
