// podman image exists: 0 or 1, and not a word.

import { BunkerError } from "../../errors.ts";
import { withEngine } from "../engine.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "IMAGE",
  flags: {},
  arguments: { min: 1, max: 1 },
  completes: "image",
  examples: ["image exists alpine"],
  run: ({ positionals: [name = ""], globals }) =>
    withEngine(globals, async (engine, { inspectImage }) => {
      try {
        inspectImage(engine, name);
        return 0;
      } catch (error) {
        if (error instanceof BunkerError && /^(?:not-found|invalid-reference)$/.test(error.code)) return 1;
        throw error;
      }
    }),
});
