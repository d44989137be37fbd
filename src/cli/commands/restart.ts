// docker restart.

import { parseSignal } from "../../container/index.ts";
import { CHOICE_ARGUMENTS, CHOICE_FLAGS, planChoice } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { printable, warn } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    ...CHOICE_FLAGS,
    running: { kind: "boolean", help: "Act on the containers that run" },
    signal: { kind: "string", short: "s", help: "Signal to send to the container" },
    timeout: { kind: "integer", short: "t", help: "Seconds to wait before killing the container", aliases: ["time"] },
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "container",
  examples: ["restart web", "restart -t 2 web db"],
  run({ path, values, positionals, globals }) {
    const { signal, timeout } = values;
    if (signal !== null) parseSignal(signal);
    const onWarning = (warning: string): void => warn(`WARNING: ${printable(warning)}\n`);
    const choose = planChoice({ path, usage: USAGE, positionals }, values);
    return withEngine(globals, (engine, calls) =>
      forEachTarget(choose(engine, calls), async (name) => {
        await calls.restartContainer(engine, name, { signal, timeout, onWarning });
        return `${printable(name)}\n`;
      }),
    );
  },
});
