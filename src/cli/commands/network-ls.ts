// docker network ls.

import { dockerConfig } from "../docker-config.ts";
import { isTerminalOutput, withEngine } from "../engine.ts";
import { parseFilterWord } from "../filter.ts";
import { FORMAT_HELP, formatRows, NOHEADING_FLAG } from "../format.ts";
import { builtInNetworks, NETWORK_LISTING, networkRow, selectNetworks } from "../network-row.ts";
import { print } from "../output.ts";
import { shortId } from "../units.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    filter: {
      kind: "list",
      short: "f",
      placeholder: "filter",
      help: 'Provide filter values (e.g. "driver=bridge")',
      parse: parseFilterWord,
    },
    format: { kind: "string", help: FORMAT_HELP },
    "no-trunc": { kind: "boolean", help: "Do not truncate the output" },
    noheading: NOHEADING_FLAG,
    quiet: { kind: "boolean", short: "q", help: "Only display network IDs" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["network ls", "network ls -q --filter type=custom"],
  run({ values, globals }) {
    const { noheading } = values;
    const format = values.format ?? (values.quiet ? null : dockerConfig().networksFormat);
    return withEngine(globals, async (engine, calls) => {
      const { listNetworks, usedNetworks } = await calls.loadNetworks();
      const own = listNetworks(engine).map((network) => ({
        ...network,
        driver: network.config.driver,
      }));
      const all = [...own, ...builtInNetworks()].sort((one, other) => (one.name < other.name ? -1 : 1));
      const chosen = selectNetworks(all, values.filter, () => usedNetworks(engine));
      if (values.quiet && format === null) {
        print(chosen.map(({ id }) => `${values["no-trunc"] ? id : shortId(id)}\n`).join(""));
        return 0;
      }
      const rows = chosen.map((network) => networkRow(network, values["no-trunc"]));
      print(await formatRows(NETWORK_LISTING, rows, { format, noheading, escape: await isTerminalOutput() }));
      return 0;
    });
  },
});
