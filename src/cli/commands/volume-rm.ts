// docker volume rm.

import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  flags: {
    force: { kind: "boolean", short: "f", help: "Force the removal of one or more volumes" },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  examples: ["volume rm data"],
  run({ values, positionals, globals }) {
    return withEngine(globals, async (engine, calls) => {
      const { removeVolume } = await calls.loadVolumes();
      const remove = async (name: string): Promise<string> => {
        removeVolume(engine, name);
        return `${printable(name)}\n`;
      };
      return forEachTarget(positionals, remove, { tolerateMissing: values.force, emptyName: "invalid volume name" });
    });
  },
});
