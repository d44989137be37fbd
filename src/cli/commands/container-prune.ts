// docker container prune: all containers that do not run.

import { confirm } from "../confirm.ts";
import { withEngine } from "../engine.ts";
import { print } from "../output.ts";
import { parsePruneFilters, PRUNE_FLAGS, pruneContainers, reclaimed } from "../prune.ts";
import { defineVerb } from "../verb.ts";

const KEYS = ["label", "label!", "until"];

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: PRUNE_FLAGS,
  arguments: { min: 0, max: 0 },
  examples: ["container prune", "container prune -f --filter until=24h"],
  async run({ values, globals }) {
    const conditions = parsePruneFilters(values.filter, KEYS);
    if (!values.force) await confirm("This will remove all stopped containers.", "container prune");
    return withEngine(globals, async (engine, calls) => {
      const { text, bytes } = await pruneContainers({ engine, calls }, conditions);
      print(text + reclaimed(bytes));
      return 0;
    });
  },
});
