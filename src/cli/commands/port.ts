// docker port: the published ports of a container.

import { BunkerError } from "../../errors.ts";
import type { PortRecord } from "../../engine/index.ts";
import { CHOICE_ARGUMENTS, planChoice, WIDE_FLAGS } from "../choice.ts";
import { withEngine } from "../engine.ts";
import { print } from "../output.ts";
import { eachHost } from "../port-text.ts";
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
    const wanted = asked === undefined ? null : parsePort(asked);
    return withEngine(globals, async (engine, calls) => {
      const { ports } = calls.networkFacts(engine);
      for (const each of choose(engine, calls)) {
        const { record } = calls.viewContainer(engine, each);
        print(publishedLines(ports.get(record.id) ?? [], wanted, { prefix: all ? `${record.id}\t` : "", name: each }));
      }
      return 0;
    });
  },
});

interface Wanted {
  port: number;
  protocol: string;
}

function parsePort(word: string): Wanted {
  const [, port, protocol = "tcp"] = PORT.exec(word) ?? [];
  if (port === undefined || Number(port) > LAST_PORT) throw new UsageError(`invalid port: ${word}`, { exitCode: 1 });
  return { port: Number(port), protocol };
}

/** `80/tcp -> 0.0.0.0:8080`, or where one port is. @throws BunkerError not-found in docker's words */
function publishedLines(
  ports: readonly PortRecord[],
  wanted: Wanted | null,
  { prefix, name }: { prefix: string; name: string },
): string {
  const suits = ({ containerPort, protocol }: PortRecord): boolean =>
    wanted === null || (containerPort === wanted.port && protocol === wanted.protocol);
  const chosen = ports.filter(suits);
  if (wanted !== null && chosen.length === 0) {
    throw new BunkerError("not-found", `no public port '${wanted.port}/${wanted.protocol}' published for ${name}`);
  }
  return chosen
    .flatMap((port) =>
      placesOf(port).map(
        (place) => `${prefix}${wanted === null ? `${port.containerPort}/${port.protocol} -> ` : ""}${place}\n`,
      ),
    )
    .join("");
}

function placesOf({ hostAddress, hostPort }: PortRecord): string[] {
  return eachHost(hostAddress).map((host) => `${host}:${hostPort}`);
}
