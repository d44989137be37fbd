// docker volume prune: volumes that no container uses, the anonymous ones unless all are asked for.

import { confirm } from "../confirm.ts";
import { withEngine } from "../engine.ts";
import { Filters, parseFilterWord } from "../filter.ts";
import { print } from "../output.ts";
import { humanSize } from "../units.ts";
import { defineVerb } from "../verb.ts";

const KEYS = ["all", "label"];

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    all: { kind: "boolean", short: "a", help: "Remove all unused volumes, not just anonymous ones" },
    filter: {
      kind: "list",
      placeholder: "filter",
      help: 'Provide filter values (e.g. "label=<label>")',
      parse: parseFilterWord,
    },
    force: { kind: "boolean", short: "f", help: "Do not prompt for confirmation" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["volume prune", "volume prune -a -f"],
  async run({ values, globals }) {
    const filters = new Filters(values.filter, KEYS);
    const all = values.all || filters.values("all").some((value) => value === "1" || value === "true");
    const kind = all ? "all" : "anonymous";
    if (!values.force) {
      await confirm(`This will remove ${kind} local volumes not used by at least one container.`, "volume prune");
    }
    return withEngine(globals, async (engine, calls) => {
      const { listVolumes, pruneVolumes } = await calls.loadVolumes();
      const unused = listVolumes(engine).filter(
        ({ anonymous, labels, users }) => users.length === 0 && (all || anonymous) && filters.labels(labels),
      );
      const { removed, bytes } = await pruneVolumes(
        engine,
        unused.map(({ name }) => name),
      );
      if (removed.length > 0) print(`Deleted Volumes:\n${removed.map((name) => `${name}\n`).join("")}\n`);
      print(`Total reclaimed space: ${humanSize(bytes)}\n`);
      return 0;
    });
  },
});
