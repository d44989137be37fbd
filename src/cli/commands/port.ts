// docker port: the published ports of a container. None can be published yet, which is what it then says.

import { BunkerError } from "../../errors.ts";
import { CHOICE_ARGUMENTS, planChoice, WIDE_FLAGS } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { ensureArgumentCount, UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const USAGE = "[OPTIONS] CONTAINER [PRIVATE_PORT[/PROTO]]";
const PORT = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/;
const LAST_PORT = 65_535;

export const verb = defineVerb({
  usage: USAGE,
  flags: {
    all: { ...WIDE_FLAGS.all, help: "Show the ports of all running containers" },
    latest: WIDE_FLAGS.latest,
  },
  arguments: CHOICE_ARGUMENTS,
  completes: "container",
  examples: ["port web", "port web 80/tcp", "port --all"],
  run({ path, values, positionals, globals }) {
    const { all, latest } = values;
    // With --latest the only word is the port's.
    const [name, asked] = latest ? [undefined, positionals[0]] : positionals;
    const count = latest ? { min: 0, max: 1 } : { min: all ? 0 : 1, max: 2 };
    ensureArgumentCount(path, { usage: USAGE, arguments: count }, positionals.length);
    const words = { path, usage: USAGE, positionals: name === undefined ? [] : [name] };
    const choose = planChoice(words, { all, latest }, ({ status }) => status === "running");
    return withEngine(globals, async (engine, calls) => {
      for (const each of choose(engine, calls)) calls.viewContainer(engine, each);
      if (asked === undefined) return 0;
      const [, port, protocol = "tcp"] = PORT.exec(asked) ?? [];
      if (port === undefined || Number(port) > LAST_PORT)
        throw new UsageError(`invalid port: ${asked}`, { exitCode: 1 });
      throw new BunkerError("not-found", `no public port '${port}/${protocol}' published for ${name ?? "the latest"}`);
    });
  },
});
