// docker volume prune: volumes that no container uses, the anonymous ones unless all are asked for.

import { confirm } from "../confirm.ts";
import { withEngine } from "../engine.ts";
import { print } from "../output.ts";
import { parsePruneFilters, PRUNE_FLAGS, pruneVolumes, reclaimed } from "../prune.ts";
import { defineVerb } from "../verb.ts";

const KEYS = ["all", "label", "label!"];

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    all: { kind: "boolean", short: "a", help: "Remove all unused volumes, not just anonymous ones" },
    ...PRUNE_FLAGS,
  },
  arguments: { min: 0, max: 0 },
  examples: ["volume prune", "volume prune -a -f"],
  async run({ values, globals }) {
    const conditions = parsePruneFilters(values.filter, KEYS);
    const all = values.all || conditions.filters.boolean("all") === true;
    const kind = all ? "all" : "anonymous";
    if (!values.force) {
      await confirm(`This will remove ${kind} local volumes not used by at least one container.`, "volume prune");
    }
    return withEngine(globals, async (engine, calls) => {
      const { text, bytes } = await pruneVolumes({ engine, calls }, conditions, { all });
      print(text + reclaimed(bytes));
      return 0;
    });
  },
});
