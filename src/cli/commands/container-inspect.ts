// docker container inspect.

import { INSPECT_FORMAT_HELP, inspectObjects } from "../inspection.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  flags: {
    format: { kind: "string", short: "f", help: INSPECT_FORMAT_HELP },
    size: { kind: "boolean", short: "s", help: "Display total file sizes" },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "container",
  examples: ["container inspect web", "container inspect -f '{{json .Mounts}}' web"],
  run: ({ values, positionals, globals }) =>
    inspectObjects({ names: positionals, kinds: ["container"], format: values.format, size: values.size, globals }),
});
