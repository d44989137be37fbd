// docker history: what an image was made of, step by step.

import { isTerminalOutput, withEngine } from "../engine.ts";
import { FORMAT_HELP, formatRows } from "../format.ts";
import { HISTORY_LISTING, historyRow } from "../history-row.ts";
import { parseWantedOne, PLATFORM_FLAG } from "../pull-flags.ts";
import { print } from "../output.ts";
import { defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] IMAGE",
  flags: {
    format: { kind: "string", help: FORMAT_HELP },
    human: { kind: "boolean", short: "H", default: true, help: "Print sizes and dates in human readable format" },
    "no-trunc": { kind: "boolean", help: "Don't truncate output" },
    platform: PLATFORM_FLAG,
    quiet: { kind: "boolean", short: "q", help: "Only show image IDs" },
  },
  arguments: { min: 1, max: 1 },
  completes: "image",
  examples: ["history alpine", "history --no-trunc --format '{{.CreatedBy}}' alpine"],
  run({ values: { format, human, quiet, ...values }, positionals: [name = ""], globals }) {
    return withEngine(globals, async (engine, calls) => {
      calls.ensurePlatform(engine, name, parseWantedOne(values.platform));
      const { imageHistory } = await calls.loadHistory();
      const options = { now: new Date(), truncate: !values["no-trunc"], human };
      const rows = imageHistory(engine, name).map((step) => historyRow(step, options));
      const columns = human
        ? HISTORY_LISTING.columns
        : HISTORY_LISTING.columns.map((field) => (field === "CreatedSince" ? "CreatedAt" : field));
      if (quiet && format === null) print(rows.map(({ ID: id }) => `${String(id)}\n`).join(""));
      else print(await formatRows({ ...HISTORY_LISTING, columns }, rows, { format, escape: await isTerminalOutput() }));
      return 0;
    });
  },
});
