// docker rmi: names go first, the image with the last of them.

import type { ImageSummary } from "../../engine/index.ts";
import { withEngine } from "../engine.ts";
import { parseWantedOne, PLATFORM_FLAG } from "../pull-flags.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { ensureArgumentCount, UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] IMAGE [IMAGE...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    all: { kind: "boolean", short: "a", help: "Remove all images" },
    force: { kind: "boolean", short: "f", help: "Force removal of the image" },
    ignore: { kind: "boolean", short: "i", help: "Ignore images that are not there" },
    "no-prune": { kind: "boolean", help: "Do not delete untagged parents" },
    platform: PLATFORM_FLAG,
  },
  arguments: { min: 0, max: ANY_NUMBER },
  completes: "image",
  examples: ["rmi alpine", "rmi -f 3f57d9401f8d", "rmi --all"],
  run({ path, values, positionals, globals }) {
    const { all, force, ignore } = values;
    const wanted = parseWantedOne(values.platform);
    if (!all) ensureArgumentCount(path, { usage: USAGE, arguments: { min: 1, max: ANY_NUMBER } }, positionals.length);
    else if (positionals.length > 0) throw new UsageError("--all cannot be used together with names");
    return withEngine(globals, (engine, { ensurePlatform, listImages, removeImage }) =>
      forEachTarget(
        all ? listImages(engine, { all: true }).map(nameOf) : positionals,
        async (name) => {
          ensurePlatform(engine, name, wanted);
          const { untagged, deleted } = removeImage(engine, name, { force });
          const lines = [...untagged.map((word) => `Untagged: ${word}`), ...deleted.map((word) => `Deleted: ${word}`)];
          return lines.map((line) => `${printable(line)}\n`).join("");
        },
        // Of all names, some go along with others.
        { tolerateMissing: force, ignoreMissing: ignore || all, emptyName: "image name cannot be empty" },
      ),
    );
  },
});

/** Name by name: an image with several would have to be forced away by its id. */
function nameOf({ id, repository, tag, digest }: ImageSummary): string {
  if (repository === null) return id;
  return tag === null ? `${repository}@${digest}` : `${repository}:${tag}`;
}
