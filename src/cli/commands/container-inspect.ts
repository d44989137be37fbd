// docker container inspect.

import { CHOICE_ARGUMENTS, LATEST_FLAG, planChoice } from "../choice.ts";
import { INSPECT_FORMAT_HELP, inspectObjects } from "../inspection.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    format: { kind: "string", short: "f", help: INSPECT_FORMAT_HELP },
    latest: LATEST_FLAG,
    size: { kind: "boolean", short: "s", help: "Display total file sizes" },
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "container",
  examples: ["container inspect web", "container inspect -f '{{json .Mounts}}' web"],
  async run({ path, values: { latest, format, size }, positionals, globals }) {
    const names = planChoice({ path, usage: USAGE, positionals }, { latest });
    return inspectObjects({ names, kinds: ["container"], format, size, globals });
  },
});
