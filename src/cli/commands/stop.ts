// docker stop: the stop signal, and SIGKILL for what does not listen.

import { parseSignal } from "../../container/index.ts";
import { CHOICE_ARGUMENTS, CHOICE_FLAGS, planChoice } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    ...CHOICE_FLAGS,
    ignore: { kind: "boolean", short: "i", help: "Ignore containers that are not there" },
    signal: { kind: "string", short: "s", help: "Signal to send to the container" },
    timeout: { kind: "integer", short: "t", help: "Seconds to wait before killing the container", aliases: ["time"] },
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "running",
  examples: ["stop web", "stop -t 2 web db"],
  run({ path, values, positionals, globals }) {
    const { signal, timeout, ignore } = values;
    if (signal !== null) parseSignal(signal);
    const choose = planChoice({ path, usage: USAGE, positionals }, values, ({ status }) => status === "running");
    return withEngine(globals, (engine, calls) =>
      forEachTarget(
        choose(engine, calls),
        async (name) => {
          await calls.stopContainer(engine, name, { signal, timeout });
          return `${printable(name)}\n`;
        },
        { ignoreMissing: ignore },
      ),
    );
  },
});
