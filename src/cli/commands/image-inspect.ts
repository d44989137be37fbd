// docker image inspect.

import { INSPECT_FORMAT_HELP, inspectObjects } from "../inspection.ts";
import { parseWantedOne, PLATFORM_FLAG } from "../pull-flags.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  flags: {
    format: { kind: "string", short: "f", help: INSPECT_FORMAT_HELP },
    platform: PLATFORM_FLAG,
  },
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "image",
  examples: ["image inspect alpine", "image inspect -f '{{.Config.Cmd}}' alpine"],
  run: ({ values, positionals, globals }) =>
    inspectObjects({
      names: () => positionals,
      kinds: ["image"],
      format: values.format,
      platform: parseWantedOne(values.platform),
      size: false,
      globals,
    }),
});
