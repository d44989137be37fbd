// docker inspect: containers first, then images, then volumes.

import { CHOICE_ARGUMENTS, LATEST_FLAG, planChoice } from "../choice.ts";
import { INSPECT_FORMAT_HELP, inspectObjects, type ObjectKind } from "../inspection.ts";
import { quote } from "../strconv.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] NAME|ID [NAME|ID...]";

const KINDS: readonly ObjectKind[] = ["container", "image", "volume"];
/** docker's and podman's other kinds. */
const LATER_KINDS = "artifact config network node plugin pod secret service task".split(" ");

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    format: { kind: "string", short: "f", help: INSPECT_FORMAT_HELP },
    latest: { ...LATEST_FLAG, help: "Inspect the container that was created last" },
    size: { kind: "boolean", short: "s", help: "Display total file sizes if the type is container" },
    type: { kind: "string", help: 'Only inspect objects of the given type ("container", "image", "volume")' },
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "container",
  examples: ["inspect web", "inspect -f '{{.State.Status}}' web", "inspect --type image alpine"],
  async run({ path, values, given, positionals, globals }) {
    const { latest, format, size } = values;
    const names = planChoice({ path, usage: USAGE, positionals }, { latest });
    const kinds = given.has("type") ? parseKinds(values.type ?? "") : KINDS;
    if (latest && !kinds.includes("container")) {
      throw new UsageError("--latest names a container: it cannot be used together with another --type");
    }
    return inspectObjects({ names, kinds: latest ? ["container"] : kinds, format, size, globals });
  },
});

function parseKinds(text: string): readonly ObjectKind[] {
  // podman's word.
  if (text === "all") return KINDS;
  const kind = KINDS.find((known) => known === text);
  if (kind !== undefined) return [kind];
  if (LATER_KINDS.includes(text)) throw new UsageError(`--type ${text} is not supported yet`, { code: "unsupported" });
  const known = KINDS.map((word) => quote(word)).join(", ");
  throw new UsageError(`unknown type: ${quote(text)}: must be one of ${known}`);
}
