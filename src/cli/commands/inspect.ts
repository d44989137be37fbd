// docker inspect: containers first, then images, then volumes.

import { INSPECT_FORMAT_HELP, type InspectionOptions, inspectObjects, type ObjectKind } from "../inspection.ts";
import { quote } from "../strconv.ts";
import { UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const KINDS: readonly ObjectKind[] = ["container", "image", "volume"];
/** docker's and podman's other kinds. */
const LATER_KINDS = "all artifact config network node plugin pod secret service task".split(" ");

export const verb = defineVerb({
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  flags: {
    format: { kind: "string", short: "f", help: INSPECT_FORMAT_HELP },
    size: { kind: "boolean", short: "s", help: "Display total file sizes if the type is container" },
    type: { kind: "string", help: 'Only inspect objects of the given type ("container", "image", "volume")' },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "container",
  examples: ["inspect web", "inspect -f '{{.State.Status}}' web", "inspect --type image alpine"],
  async run({ values, given, positionals, globals }) {
    const kinds = given.has("type") ? [parseKind(values.type ?? "")] : KINDS;
    const options: InspectionOptions = { names: positionals, kinds, format: values.format, size: values.size, globals };
    return inspectObjects(options);
  },
});

function parseKind(text: string): ObjectKind {
  const kind = KINDS.find((known) => known === text);
  if (kind !== undefined) return kind;
  if (LATER_KINDS.includes(text)) throw new UsageError(`--type ${text} is not supported yet`, { code: "unsupported" });
  const known = KINDS.map((word) => quote(word)).join(", ");
  throw new UsageError(`unknown type: ${quote(text)}: must be one of ${known}`);
}
