// docker network disconnect.

import { withEngine } from "../engine.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] NETWORK CONTAINER",
  flags: { force: { kind: "boolean", short: "f", help: "Force the container to disconnect from a network" } },
  arguments: { min: 2, max: 2 },
  examples: ["network disconnect back web"],
  run: ({ values: { force }, positionals: [network = "", container = ""], globals }) =>
    withEngine(globals, async (engine, calls) => {
      const { disconnectNetwork } = await calls.loadNetworks();
      disconnectNetwork(engine, network, { container, force });
      return 0;
    }),
});
