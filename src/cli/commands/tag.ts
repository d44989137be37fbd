// docker tag: one more name for an image.

import { withEngine } from "../engine.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  flags: {},
  arguments: { min: 2, max: 2 },
  interspersed: false,
  completes: "image",
  examples: ["tag alpine localhost/alpine:mine"],
  run({ positionals, globals }) {
    const [source = "", target = ""] = positionals;
    return withEngine(globals, async (engine, { tagImage }) => {
      tagImage(engine, source, target);
      return 0;
    });
  },
});
