// docker volume inspect.

import { INSPECT_FORMAT_HELP, inspectObjects } from "../inspection.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  flags: {
    format: { kind: "string", short: "f", help: INSPECT_FORMAT_HELP },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  examples: ["volume inspect data", "volume inspect -f '{{.Mountpoint}}' data"],
  run: ({ values, positionals, globals }) =>
    inspectObjects({ names: () => positionals, kinds: ["volume"], format: values.format, size: false, globals }),
});
