// docker port: the published ports of a container. None can be published yet, which is what it then says.

import { BunkerError } from "../../errors.ts";
import { withEngine } from "../engine.ts";
import { UsageError } from "../usage.ts";
import { defineVerb } from "../verb.ts";

const PORT = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/;
const LAST_PORT = 65_535;

export const verb = defineVerb({
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  flags: {},
  arguments: { min: 1, max: 2 },
  completes: "container",
  examples: ["port web", "port web 80/tcp"],
  run: ({ positionals: [name = "", asked], globals }) =>
    withEngine(globals, async (engine, { viewContainer }) => {
      viewContainer(engine, name);
      if (asked === undefined) return 0;
      const [, port, protocol = "tcp"] = PORT.exec(asked) ?? [];
      if (port === undefined || Number(port) > LAST_PORT)
        throw new UsageError(`invalid port: ${asked}`, { exitCode: 1 });
      throw new BunkerError("not-found", `no public port '${port}/${protocol}' published for ${name}`);
    }),
});
