// docker start: stopped or created containers, once more; with -a or -i in front of one.

import { CHOICE_ARGUMENTS, planChoice, WIDE_FLAGS } from "../choice.ts";
import { chooseDetachKeys } from "../detach-keys.ts";
import { type EngineCalls, withEngine } from "../engine.ts";
import type { Engine } from "../../engine/index.ts";
import type { FlagValues } from "../flags.ts";
import { printable, warn } from "../output.ts";
import { forEachTarget } from "../targets.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [CONTAINER...]";

const FLAGS = {
  // podman's `-a` here would be docker's --attach.
  all: { kind: "boolean", help: "Start all containers that do not run" },
  attach: { kind: "boolean", short: "a", help: "Attach STDOUT/STDERR and forward signals" },
  "detach-keys": { kind: "string", help: "Override the key sequence for detaching a container" },
  filter: WIDE_FLAGS.filter,
  interactive: { kind: "boolean", short: "i", help: "Attach container's STDIN" },
  latest: WIDE_FLAGS.latest,
  "sig-proxy": { kind: "boolean", default: true, hidden: true, help: "Proxy received signals to the process" },
} as const;

export const verb = defineVerb({
  usage: USAGE,
  flags: FLAGS,
  arguments: CHOICE_ARGUMENTS,
  completes: "container",
  examples: ["start web", "start -ai shell", "start --all"],
  run({ path, values, positionals, globals }) {
    const choose = planChoice({ path, usage: USAGE, positionals }, values, ({ status }) => status !== "running");
    return withEngine(globals, async (engine, calls) => {
      const names = choose(engine, calls);
      if (names.length > 0 && (values.attach || values.interactive))
        return startInFront({ engine, calls }, values, names);
      const start = async (name: string): Promise<string> => {
        await calls.startContainer(engine, name, null, tell);
        return `${printable(name)}\n`;
      };
      return forEachTarget(names, start, { inOrder: true });
    });
  },
});

async function startInFront(
  { engine, calls }: { engine: Engine; calls: EngineCalls },
  values: FlagValues<typeof FLAGS>,
  names: readonly string[],
): Promise<number> {
  const [name = "", ...others] = names;
  if (others.length > 0) throw new UsageError("you cannot start and attach multiple containers at once");
  const { ensureTerminal, Session } = await import("../session.ts");
  const { tty, openStdin } = calls.viewContainer(engine, name).record.config.request;
  const stdin = values.interactive && openStdin;
  ensureTerminal({ stdin, tty });
  const session = new Session({
    stdin,
    stdout: true,
    stderr: true,
    tty,
    detachKeys: chooseDetachKeys(values["detach-keys"]),
    sigProxy: values["sig-proxy"] && !tty,
  });
  try {
    session.begin();
    const end = await calls.startContainer(engine, name, session.streams, (warning) =>
      session.tell(`WARNING: ${warning}`),
    );
    // It ran already: docker attaches then.
    return session.finish(end ?? (await calls.attachContainer(engine, name, session.streams)));
  } finally {
    session.end();
  }
}

function tell(warning: string): void {
  warn(`WARNING: ${printable(warning)}\n`);
}
