// docker rm.

import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  flags: {
    force: { kind: "boolean", short: "f", help: "Force the removal of a running container (uses SIGKILL)" },
    volumes: { kind: "boolean", short: "v", help: "Remove anonymous volumes associated with the container" },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "container",
  examples: ["rm job", "rm -f -v web db"],
  run({ values, positionals, globals }) {
    const { force, volumes } = values;
    return withEngine(globals, (engine, { removeContainer }) =>
      forEachTarget(
        positionals,
        async (name) => {
          await removeContainer(engine, name, { force, volumes });
          return `${printable(name)}\n`;
        },
        { tolerateMissing: force },
      ),
    );
  },
});
