// docker diff: files of a container that are not as in its image.

import { LATEST_FLAG, planOne } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { print, printable } from "../output.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER";
/** podman's keys, in its order. */
const KEYS = { C: "changed", A: "added", D: "deleted" } as const;

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    format: { kind: "string", help: 'Change the output format ("json")' },
    latest: LATEST_FLAG,
  },
  arguments: { min: 0, max: 1 },
  completes: "container",
  examples: ["diff web", "diff --format json web"],
  run({ path, values: { format, latest }, positionals, globals }) {
    const choose = planOne({ path, usage: USAGE, positionals }, { latest });
    if (format !== null && format !== "json") {
      throw new UsageError("only supported value for '--format' is 'json'", { exitCode: 125 });
    }
    return withEngine(globals, async (engine, calls) => {
      const { containerChanges } = await calls.loadDiff();
      const changes = await containerChanges(engine, choose(engine, calls));
      if (format === null) {
        print(changes.map((change) => `${change.kind} ${printable(change.path)}\n`).join(""));
        return 0;
      }
      const lists = Object.entries(KEYS).map(([kind, key]) => {
        const paths = changes.filter((change) => change.kind === kind).map((change) => change.path);
        return [key, paths] as const;
      });
      print(`${JSON.stringify(Object.fromEntries(lists.filter(([, paths]) => paths.length > 0)), null, 5)}\n`);
      return 0;
    });
  },
});
