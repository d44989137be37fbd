// docker image prune: images without a name, or all that no container was made from.

import { confirm } from "../confirm.ts";
import { withEngine } from "../engine.ts";
import { print } from "../output.ts";
import { parsePruneFilters, PRUNE_FLAGS, pruneImages, reclaimed } from "../prune.ts";
import { defineVerb } from "../verb.ts";

const KEYS = ["dangling", "label", "label!", "until"];

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    all: { kind: "boolean", short: "a", help: "Remove all unused images, not just dangling ones" },
    ...PRUNE_FLAGS,
  },
  arguments: { min: 0, max: 0 },
  examples: ["image prune", "image prune -a -f --filter until=168h"],
  async run({ values, globals }) {
    const conditions = parsePruneFilters(values.filter, KEYS);
    // The API's way to say --all.
    const all = values.all || conditions.filters.boolean("dangling") === false;
    const which = all ? "all images without at least one container associated to them" : "all dangling images";
    if (!values.force) await confirm(`This will remove ${which}.`, "image prune");
    return withEngine(globals, async (engine, calls) => {
      const { text, bytes } = await pruneImages({ engine, calls }, conditions, { all });
      print(text + reclaimed(bytes));
      return 0;
    });
  },
});
