// docker system prune: containers that do not run, networks and images that nobody uses and, if asked for, anonymous volumes.

import { confirm } from "../confirm.ts";
import { withEngine } from "../engine.ts";
import { print } from "../output.ts";
import {
  parsePruneFilters,
  PRUNE_FLAGS,
  pruneContainers,
  pruneImages,
  pruneNetworks,
  pruneVolumes,
  reclaimed,
} from "../prune.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const KEYS = ["label", "label!", "until"];

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    all: { kind: "boolean", short: "a", help: "Remove all unused images not just dangling ones" },
    ...PRUNE_FLAGS,
    volumes: { kind: "boolean", help: "Prune anonymous volumes" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["system prune", "system prune -a -f --volumes"],
  async run({ values, globals }) {
    const { all, volumes } = values;
    const conditions = parsePruneFilters(values.filter, KEYS);
    if (volumes && conditions.until.length > 0) {
      throw new UsageError('the "until" filter is not supported with "--volumes"', {
        hint: "Prune the volumes in a command of their own: `bunker volume prune`.",
      });
    }
    if (!values.force) await confirm(warning(values), "system prune");
    return withEngine(globals, async (engine, calls) => {
      const opened = { engine, calls };
      // In docker's order: images may be free, and volumes, once containers are gone.
      const pruned = [await pruneContainers(opened, conditions), await pruneNetworks(opened, conditions)];
      if (volumes) pruned.push(await pruneVolumes(opened, conditions, { all: false }));
      pruned.push(await pruneImages(opened, conditions, { all }));
      const bytes = pruned.reduce((sum, each) => sum + each.bytes, 0);
      print(pruned.map(({ text }) => text).join("") + reclaimed(bytes));
      return 0;
    });
  },
});

function warning(values: { all: boolean; volumes: boolean; filter: readonly (readonly [string, string])[] }): string {
  const kinds = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(values.volumes ? ["all anonymous volumes not used by at least one container"] : []),
    values.all ? "all images without at least one container associated to them" : "all dangling images",
  ];
  const list = (items: readonly string[]): string => items.map((item) => `\n  - ${item}`).join("");
  const words = values.filter.map(([key, value]) => `${key}=${value}`).sort();
  const filters = words.length === 0 ? "" : `\n\n  Items to be pruned will be filtered with:${list(words)}`;
  return `This will remove:${list(kinds)}${filters}\n`;
}
