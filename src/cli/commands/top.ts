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
  examples: [
    "top web",
    "top web aux",
    "top web -o pid,user,cmd",
    "top web pid user seccomp",
    "top --latest -- -o pid,cmd",
  ],
  run({ path, values: { latest }, positionals, globals }) {
    if (!latest)
      ensureArgumentCount(path, { usage: USAGE, arguments: { min: 1, max: ANY_NUMBER } }, positionals.length);
    // With --latest all words are those of ps.
    const names = latest ? [] : positionals.slice(0, 1);
    const choose = planOne({ path, usage: USAGE, positionals: names }, { latest });
    const words = positionals.slice(names.length);
    return withEngine(globals, async (engine, calls) => {
      const { askHostPs, listProcesses } = await calls.loadTop();
      const processes = listProcesses(engine, choose(engine, calls));
      const table = processTable(words, processes, new Date());
      if (table === null) {
        const lines = askHostPs(words, new Set(processes.map(({ pid }) => pid)));
        print(lines.map((line) => `${printable(line)}\n`).join(""));
      } else print(alignColumns(table.map((row) => row.map(printable).join("\t"))));
      return 0;
    });
  },
});
