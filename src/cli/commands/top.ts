// docker top: the processes of a container, in the columns of ps.

import { withEngine } from "../engine.ts";
import { print, printable } from "../output.ts";
import { processTable } from "../process-row.ts";
import { alignColumns } from "../table.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "CONTAINER [ps OPTIONS]",
  flags: {},
  arguments: { min: 1, max: ANY_NUMBER },
  interspersed: false,
  completes: "running",
  examples: ["top web", "top web -o pid,user,cmd"],
  run({ positionals: [name = "", ...words], globals }) {
    processTable(words, [], new Date());
    return withEngine(globals, async (engine, calls) => {
      const { listProcesses } = await calls.loadTop();
      const table = processTable(words, listProcesses(engine, name), new Date());
      print(alignColumns(table.map((row) => row.map(printable).join("\t"))));
      return 0;
    });
  },
});
