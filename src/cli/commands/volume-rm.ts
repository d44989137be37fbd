// docker volume rm.

import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ensureArgumentCount, UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] VOLUME [VOLUME...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    all: { kind: "boolean", short: "a", help: "Remove all volumes" },
    force: { kind: "boolean", short: "f", help: "Force the removal of one or more volumes" },
  },
  arguments: { min: 0, max: ANY_NUMBER },
  completes: "volume",
  examples: ["volume rm data", "volume rm --all"],
  run({ path, values: { all, force }, positionals, globals }) {
    if (!all) ensureArgumentCount(path, { usage: USAGE, arguments: { min: 1, max: ANY_NUMBER } }, positionals.length);
    else if (positionals.length > 0) throw new UsageError("--all cannot be used together with names");
    return withEngine(globals, async (engine, calls) => {
      const { listVolumes, removeVolume } = await calls.loadVolumes();
      const remove = async (name: string): Promise<string> => {
        removeVolume(engine, name);
        return `${printable(name)}\n`;
      };
      const names = all ? listVolumes(engine).map(({ name }) => name) : positionals;
      return forEachTarget(names, remove, {
        tolerateMissing: force,
        ignoreMissing: all,
        emptyName: "invalid volume name",
      });
    });
  },
});
