// docker rmi: names go first, the image with the last of them.

import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

export const verb = defineVerb({
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  flags: {
    force: { kind: "boolean", short: "f", help: "Force removal of the image" },
    "no-prune": { kind: "boolean", help: "Do not delete untagged parents" },
  },
  arguments: { min: 1, max: ANY_NUMBER },
  completes: "image",
  examples: ["rmi alpine", "rmi -f 3f57d9401f8d"],
  run({ values, positionals, globals }) {
    const options = { force: values.force };
    return withEngine(globals, (engine, { removeImage }) =>
      forEachTarget(
        positionals,
        async (name) => {
          const { untagged, deleted } = removeImage(engine, name, options);
          const lines = [...untagged.map((word) => `Untagged: ${word}`), ...deleted.map((word) => `Deleted: ${word}`)];
          return lines.map((line) => `${printable(line)}\n`).join("");
        },
        { tolerateMissing: values.force, emptyName: "image name cannot be empty" },
      ),
    );
  },
});
