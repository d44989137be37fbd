// docker top: the processes of a container, in the columns of ps.

import { LATEST_FLAG, planOne } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { print, printable } from "../output.ts";
import { processTable } from "../process-row.ts";
import { alignColumns } from "../table.ts";
import { ensureArgumentCount } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [ps OPTIONS]";

export const verb = defineVerb({
  usage: USAGE,
  flags: { latest: LATEST_FLAG },
  arguments: { min: 0, max: ANY_NUMBER },
  interspersed: false,
  completes: "running",
  examples: ["top web", "top web -o pid,user,cmd", "top --latest -- -o pid,cmd"],
  run({ path, values: { latest }, positionals, globals }) {
    if (!latest)
      ensureArgumentCount(path, { usage: USAGE, arguments: { min: 1, max: ANY_NUMBER } }, positionals.length);
    // With --latest all words are those of ps.
    const names = latest ? [] : positionals.slice(0, 1);
    const choose = planOne({ path, usage: USAGE, positionals: names }, { latest });
    const words = positionals.slice(names.length);
    processTable(words, [], new Date());
    return withEngine(globals, async (engine, calls) => {
      const { listProcesses } = await calls.loadTop();
      const table = processTable(words, listProcesses(engine, choose(engine, calls)), new Date());
      print(alignColumns(table.map((row) => row.map(printable).join("\t"))));
      return 0;
    });
  },
});
