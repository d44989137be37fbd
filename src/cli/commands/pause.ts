// docker pause: all processes are held where they are.

import { CHOICE_ARGUMENTS, CHOICE_FLAGS, planChoice } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: CHOICE_FLAGS,
  arguments: CHOICE_ARGUMENTS,
  completes: "running",
  examples: ["pause web", "pause --all"],
  run({ path, values, positionals, globals }) {
    const choose = planChoice(
      { path, usage: USAGE, positionals },
      values,
      ({ status, paused }) => status === "running" && !paused,
    );
    return withEngine(globals, async (engine, calls) => {
      const { pauseContainer } = await calls.loadPause();
      return forEachTarget(choose(engine, calls), async (name) => {
        await pauseContainer(engine, name);
        return `${printable(name)}\n`;
      });
    });
  },
});
