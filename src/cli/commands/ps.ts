// docker ps.

import { parseContainerFilter } from "../container-filter.ts";
import { factsOf } from "../container-facts.ts";
import { CONTAINER_LISTING, containerRow } from "../container-row.ts";
import { isTerminalOutput, withEngine } from "../engine.ts";
import { parseFilterWord } from "../filter.ts";
import { FORMAT_HELP, formatRows } from "../format.ts";
import { print } from "../output.ts";
import { shortId } from "../units.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    all: { kind: "boolean", short: "a", help: "Show all containers (default shows just running)" },
    filter: {
      kind: "list",
      short: "f",
      placeholder: "filter",
      help: "Filter output based on conditions provided",
      parse: parseFilterWord,
    },
    format: { kind: "string", help: FORMAT_HELP },
    last: {
      kind: "integer",
      short: "n",
      help: "Show n last created containers (includes all states)",
      shownDefault: "-1",
    },
    latest: { kind: "boolean", short: "l", help: "Show the latest created container (includes all states)" },
    "no-trunc": { kind: "boolean", help: "Don't truncate output" },
    quiet: { kind: "boolean", short: "q", help: "Only display container IDs" },
    size: { kind: "boolean", short: "s", help: "Display total file sizes" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["ps -a", "ps --filter status=exited -q", "ps --format 'table {{.Names}}\\t{{.Status}}'"],
  run({ values, globals }) {
    const filter = parseContainerFilter(values.filter);
    const last = values.latest ? 1 : (values.last ?? -1);
    return withEngine(globals, async (engine, { listContainers, measureContainers }) => {
      const runningOnly = !values.all && !filter.all && last <= 0;
      const views = listContainers(engine, { active: runningOnly && !filter.comparing });
      let chosen = filter.apply(views.map(factsOf));
      if (runningOnly) chosen = chosen.filter(({ status }) => status === "running" || status === "paused");
      chosen.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
      if (last > 0) chosen = chosen.slice(0, last);
      if (values.quiet && values.format === null) {
        print(chosen.map(({ id }) => `${values["no-trunc"] ? id : shortId(id)}\n`).join(""));
        return 0;
      }
      if (values.size || /\.Size\b/.test(values.format ?? "")) {
        const sizes = await measureContainers(
          engine,
          chosen.map(({ id }) => id),
        );
        chosen = chosen.map((facts) => ({ ...facts, size: sizes.get(facts.id) ?? null }));
      }
      const options = { now: new Date(), truncate: !values["no-trunc"] };
      const listing = values.size
        ? { ...CONTAINER_LISTING, columns: [...CONTAINER_LISTING.columns, "Size"] }
        : CONTAINER_LISTING;
      const rows = chosen.map((facts) => containerRow(facts, options));
      print(await formatRows(listing, rows, { format: values.format, escape: await isTerminalOutput() }));
      return 0;
    });
  },
});
