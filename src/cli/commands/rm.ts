// docker rm.

import { BunkerError } from "../../errors.ts";
import { CHOICE_ARGUMENTS, CHOICE_FLAGS, chooseContainers } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    ...CHOICE_FLAGS,
    force: { kind: "boolean", short: "f", help: "Force the removal of a running container (uses SIGKILL)" },
    ignore: { kind: "boolean", short: "i", help: "Ignore containers that are not there" },
    time: { kind: "integer", short: "t", help: "With --force, seconds to wait before killing the container" },
    volumes: { kind: "boolean", short: "v", help: "Remove anonymous volumes associated with the container" },
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "container",
  examples: ["rm job", "rm -f -v web db"],
  run({ path, values, positionals, globals }) {
    const { force, volumes } = values;
    const tolerateMissing = force || values.ignore;
    const suits = ({ status }: { status: string }): boolean => force || status !== "running";
    return withEngine(globals, async (engine, calls) => {
      const names = chooseContainers(engine, calls, { path, usage: USAGE, values, positionals, suits });
      const remove = async (name: string): Promise<string> => {
        if (force && values.time !== null)
          await stopFirst(() => calls.stopContainer(engine, name, { signal: null, timeout: values.time }));
        await calls.removeContainer(engine, name, { force, volumes });
        return `${printable(name)}\n`;
      };
      return forEachTarget(names, remove, { tolerateMissing });
    });
  },
});

/** One that removes itself may go at this: that is what was wanted. */
async function stopFirst(stop: () => Promise<void>): Promise<void> {
  try {
    await stop();
  } catch (error) {
    if (!(error instanceof BunkerError) || error.code !== "not-found") throw error;
  }
}
