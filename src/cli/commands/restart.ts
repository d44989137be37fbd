// docker restart.

import { parseSignal } from "../../container/index.ts";
import { withEngine } from "../engine.ts";
import { printable, warn } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  flags: {
    signal: { kind: "string", short: "s", help: "Signal to send to the container" },
    timeout: { kind: "integer", short: "t", help: "Seconds to wait before killing the container", aliases: ["time"] },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "container",
  examples: ["restart web", "restart -t 2 web db"],
  run({ values, positionals, globals }) {
    const { signal, timeout } = values;
    if (signal !== null) parseSignal(signal);
    const onWarning = (warning: string): void => warn(`WARNING: ${printable(warning)}\n`);
    return withEngine(globals, (engine, { restartContainer }) =>
      forEachTarget(positionals, async (name) => {
        await restartContainer(engine, name, { signal, timeout, onWarning });
        return `${printable(name)}\n`;
      }),
    );
  },
});
