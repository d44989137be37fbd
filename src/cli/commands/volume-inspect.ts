// docker volume inspect.

import type { Engine } from "../../engine/index.ts";
import type { EngineCalls } from "../engine.ts";
import { INSPECT_FORMAT_HELP, inspectObjects } from "../inspection.ts";
import { ensureArgumentCount, UsageError } from "../usage.ts";
import { ANY_NUMBER, defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] VOLUME [VOLUME...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    all: { kind: "boolean", short: "a", help: "Inspect all volumes" },
    format: { kind: "string", short: "f", help: INSPECT_FORMAT_HELP },
  },
  arguments: { min: 0, max: ANY_NUMBER },
  completes: "volume",
  examples: ["volume inspect data", "volume inspect --all"],
  async run({ path, values: { all, format }, positionals, globals }) {
    if (!all) ensureArgumentCount(path, { usage: USAGE, arguments: { min: 1, max: ANY_NUMBER } }, positionals.length);
    else if (positionals.length > 0) throw new UsageError("--all cannot be used together with names");
    const names = async (engine: Engine, calls: EngineCalls): Promise<readonly string[]> =>
      all ? (await calls.loadVolumes()).listVolumes(engine).map(({ name }) => name) : positionals;
    return inspectObjects({ names, kinds: ["volume"], format, size: false, globals });
  },
});
