// docker network inspect.

import { INSPECT_FORMAT_HELP, inspectObjects } from "../inspection.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  flags: { format: { kind: "string", short: "f", help: INSPECT_FORMAT_HELP } },
  arguments: { min: 1, max: ANY_NUMBER },
  examples: ["network inspect web", "network inspect -f '{{json .Containers}}' web"],
  run: ({ values: { format }, positionals, globals }) =>
    inspectObjects({ names: () => positionals, kinds: ["network"], format, size: false, globals }),
});
