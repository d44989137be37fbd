// podman untag: names of an image go, and the image stays.

import { withEngine } from "../engine.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "IMAGE [NAME...]",
  flags: {},
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "image",
  examples: ["untag alpine", "untag alpine localhost/alpine:mine"],
  run({ positionals: [image = "", ...names], globals }) {
    return withEngine(globals, async (engine, { untagImage }) => {
      untagImage(engine, image, names);
      return 0;
    });
  },
});
