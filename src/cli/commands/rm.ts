// docker rm.

import { BunkerError } from "../../errors.ts";
import { CHOICE_ARGUMENTS, CHOICE_FLAGS, FILTER_FLAG, planChoice } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { printable } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    ...CHOICE_FLAGS,
    depend: { kind: "boolean", help: "Remove the containers that need it first" },
    filter: FILTER_FLAG,
    force: { kind: "boolean", short: "f", help: "Force the removal of a running container (uses SIGKILL)" },
    ignore: { kind: "boolean", short: "i", help: "Ignore containers that are not there" },
    link: { kind: "boolean", help: "Remove links (/CONTAINER/ALIAS), and no containers" },
    time: { kind: "integer", short: "t", help: "With --force, seconds to wait before killing the container" },
    volumes: { kind: "boolean", short: "v", help: "Remove anonymous volumes associated with the container" },
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "container",
  examples: ["rm job", "rm -f -v web db"],
  run({ path, values, positionals, globals }) {
    const { force, volumes } = values;
    if (values.time !== null && !force) {
      throw new UsageError("--force option must be specified to use the --time option", {
        hint: "A container that does not run needs no time to stop.",
      });
    }
    const suits = ({ status }: { status: string }): boolean => force || status !== "running";
    if (values.link && (force || volumes || values.depend || values.all || values.latest)) {
      throw new UsageError("--link cannot be used together with flags about containers", {
        hint: "It removes links: /CONTAINER/ALIAS.",
      });
    }
    const choose = planChoice({ path, usage: USAGE, positionals }, values, suits);
    return withEngine(globals, async (engine, calls) => {
      const remove = async (name: string): Promise<string> => {
        if (values.link) {
          (await calls.loadNetworks()).removeLink(engine, name);
          return `${printable(name)}\n`;
        }
        if (force && values.time !== null)
          await stopFirst(() => calls.stopContainer(engine, name, { signal: null, timeout: values.time }));
        const names = values.depend ? [...(await calls.loadDependents()).dependentsOf(engine, name), name] : [name];
        for (const each of names) await calls.removeContainer(engine, each, { force, volumes });
        return names.map((each) => `${printable(each)}\n`).join("");
      };
      return forEachTarget(choose(engine, calls), remove, { tolerateMissing: force, ignoreMissing: values.ignore });
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
