// docker unpause.

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
  examples: ["unpause web", "unpause --all"],
  run({ path, values, positionals, globals }) {
    const choose = planChoice({ path, usage: USAGE, positionals }, values, ({ paused }) => paused);
    return withEngine(globals, async (engine, calls) => {
      const { unpauseContainer } = await calls.loadPause();
      return forEachTarget(choose(engine, calls), async (name) => {
        await unpauseContainer(engine, name);
        return `${printable(name)}\n`;
      });
    });
  },
});
