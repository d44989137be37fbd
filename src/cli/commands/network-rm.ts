// docker network rm.

import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  flags: { force: { kind: "boolean", short: "f", help: "Do not error if the network does not exist" } },
  arguments: { min: 1, max: ANY_NUMBER },
  examples: ["network rm web"],
  run: ({ values: { force }, positionals, globals }) =>
    withEngine(globals, async (engine, calls) => {
      const { removeNetwork } = await calls.loadNetworks();
      const remove = async (name: string): Promise<string> => {
        removeNetwork(engine, name);
        return `${printable(name)}\n`;
      };
      return forEachTarget(positionals, remove, {
        tolerateMissing: force,
        ignoreMissing: false,
        emptyName: "invalid network name",
      });
    }),
});
