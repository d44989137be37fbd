// docker rename.

import { parseContainerName } from "../container-name.ts";
import { withEngine } from "../engine.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "CONTAINER NEW_NAME",
  flags: {},
  arguments: { min: 2, max: 2 },
  completes: "container",
  examples: ["rename web old-web"],
  run({ positionals: [container = "", wanted = ""], globals }) {
    const name = parseContainerName(wanted);
    if (container === "" || name === null) {
      throw new UsageError("Error: Neither old nor new names may be empty", { exitCode: 1 });
    }
    return withEngine(globals, async (engine, { renameContainer }) => {
      renameContainer(engine, container, name);
      return 0;
    });
  },
});
