// docker stop: the stop signal, and SIGKILL for what does not listen.

import { parseSignal } from "../../container/index.ts";
import { CHOICE_ARGUMENTS, CHOICE_FLAGS, chooseContainers } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    ...CHOICE_FLAGS,
    signal: { kind: "string", short: "s", help: "Signal to send to the container" },
    timeout: { kind: "integer", short: "t", help: "Seconds to wait before killing the container", aliases: ["time"] },
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "running",
  examples: ["stop web", "stop -t 2 web db"],
  run({ path, values, positionals, globals }) {
    const { signal, timeout } = values;
    if (signal !== null) parseSignal(signal);
    const suits = ({ status }: { status: string }): boolean => status === "running";
    return withEngine(globals, async (engine, calls) =>
      forEachTarget(
        chooseContainers(engine, calls, { path, usage: USAGE, values, positionals, suits }),
        async (name) => {
          await calls.stopContainer(engine, name, { signal, timeout });
          return `${printable(name)}\n`;
        },
      ),
    );
  },
});
