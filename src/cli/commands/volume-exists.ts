// podman volume exists: 0 or 1, and not a word.

import { withEngine } from "../engine.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "VOLUME",
  flags: {},
  arguments: { min: 1, max: 1 },
  completes: "volume",
  examples: ["volume exists data"],
  run: ({ positionals, globals }) =>
    withEngine(globals, async (engine, calls) => {
      const { listVolumes } = await calls.loadVolumes();
      return listVolumes(engine).some(({ name }) => name === positionals[0]) ? 0 : 1;
    }),
});
