// podman network exists: 0 or 1, and not a word.

import { withEngine } from "../engine.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "NETWORK",
  flags: {},
  arguments: { min: 1, max: 1 },
  examples: ["network exists web"],
  run: ({ positionals: [name = ""], globals }) =>
    withEngine(globals, async (engine, calls) => {
      const { listNetworks } = await calls.loadNetworks();
      return listNetworks(engine).some((network) => network.name === name || network.id === name) ? 0 : 1;
    }),
});
