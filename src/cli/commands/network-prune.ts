// docker network prune: networks that no container is on.

import { confirm } from "../confirm.ts";
import { withEngine } from "../engine.ts";
import { print } from "../output.ts";
import { parsePruneFilters, PRUNE_FLAGS, pruneNetworks } from "../prune.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: PRUNE_FLAGS,
  arguments: { min: 0, max: 0 },
  examples: ["network prune -f"],
  async run({ values, globals }) {
    const conditions = parsePruneFilters(values.filter, ["label", "label!", "until"]);
    if (!values.force) {
      await confirm("This will remove all custom networks not used by at least one container.", "network prune");
    }
    return withEngine(globals, async (engine, calls) => {
      const { text } = await pruneNetworks({ engine, calls }, conditions);
      print(text);
      return 0;
    });
  },
});
