// podman container exists: 0 or 1, and not a word.

import { BunkerError } from "../../errors.ts";
import { withEngine } from "../engine.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "CONTAINER",
  flags: {},
  arguments: { min: 1, max: 1 },
  completes: "container",
  examples: ["container exists web"],
  run: ({ positionals: [name = ""], globals }) =>
    withEngine(globals, async (engine, { viewContainer }) => {
      try {
        viewContainer(engine, name);
        return 0;
      } catch (error) {
        if (error instanceof BunkerError && error.code === "not-found") return 1;
        throw error;
      }
    }),
});
