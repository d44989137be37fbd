// docker wait: exit codes, as the containers end.

import { withEngine } from "../engine.ts";
import { forEachTarget } from "../targets.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "CONTAINER [CONTAINER...]",
  flags: {},
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "container",
  examples: ["wait job"],
  run({ positionals, globals }) {
    return withEngine(globals, (engine, { waitContainer }) =>
      forEachTarget(positionals, async (name) => `${await waitContainer(engine, name)}\n`, {
        emptyName: "invalid container name or ID: value is empty",
      }),
    );
  },
});
