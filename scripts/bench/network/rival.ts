// Engines on the link's host, each once for every network of its own.

import type { Engine } from "../engine.ts";
import { Stopwatch } from "../stopwatch.ts";
import type { Link } from "./link.ts";

export interface Rival extends Engine {
  /** Word of --network. */
  network: string;
}

export interface Container {
  pid: number;
  /** On a bridge only. */
  address: string;
}

const SLEEP = ["sleep", "10000"];

/** In the engines' order. */
export function rivalsOf(engines: Engine[], link: Link): Rival[] {
  return engines.flatMap((engine) => {
    const watch = new Stopwatch(engine.env, link.launcher(engine.env));
    return engine.networks.map((network) => ({ ...engine, name: `${engine.name} ${network}`, watch, network }));
  });
}

export async function closeRivals(rivals: Rival[]): Promise<void> {
  for (const watch of new Set(rivals.map((rival) => rival.watch))) await watch.close();
}

/** Detached, on the rival's network. `ports` as of --publish. */
export async function startContainer(rival: Rival, image: string, ports: string[]): Promise<Container> {
  const publish = ports.flatMap((port) => ["--publish", port]);
  const flags = ["--detach", "--network", rival.network, ...publish];
  const id = (await rival.watch.time([...rival.words, "run", ...flags, image, ...SLEEP])).stdout.trim();
  const format = "{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  const { stdout } = await rival.watch.time([...rival.words, "inspect", "--format", format, id]);
  const [pid, address = ""] = stdout.trim().split(" ");
  return { pid: Number(pid), address };
}

/** The rivals of one engine share its containers. */
export async function removeAll({ watch, words }: Rival): Promise<void> {
  await watch.time([...words, "rm", "--all", "--force", "--time", "0"]);
}
