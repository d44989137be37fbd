// docker volume ls.

import { dockerConfig } from "../docker-config.ts";
import { isTerminalOutput, withEngine } from "../engine.ts";
import { parseFilterWord } from "../filter.ts";
import { FORMAT_HELP, formatRows, NOHEADING_FLAG } from "../format.ts";
import { print } from "../output.ts";
import { defineVerb } from "../verb.ts";
import { selectVolumes, VOLUME_LISTING, volumeRow } from "../volume-row.ts";

export const verb = defineVerb({
  usage: "[OPTIONS]",
  flags: {
    filter: {
      kind: "list",
      short: "f",
      placeholder: "filter",
      help: 'Provide filter values (e.g. "dangling=true")',
      parse: parseFilterWord,
    },
    format: { kind: "string", help: FORMAT_HELP },
    noheading: NOHEADING_FLAG,
    quiet: { kind: "boolean", short: "q", help: "Only display volume names" },
  },
  arguments: { min: 0, max: 0 },
  examples: ["volume ls", "volume ls -q --filter dangling=true"],
  run({ values, globals }) {
    const format = values.format ?? (values.quiet ? null : dockerConfig().volumesFormat);
    return withEngine(globals, async (engine, calls) => {
      const { listVolumes, mountpoint } = await calls.loadVolumes();
      const chosen = selectVolumes(listVolumes(engine), values.filter);
      if (values.quiet && format === null) {
        print(chosen.map(({ name }) => `${name}\n`).join(""));
        return 0;
      }
      const rows = chosen.map((volume) => volumeRow(volume, mountpoint(engine, volume.name)));
      const { noheading } = values;
      print(await formatRows(VOLUME_LISTING, rows, { format, noheading, escape: await isTerminalOutput() }));
      return 0;
    });
  },
});
