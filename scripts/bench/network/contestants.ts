// Whose paths are compared: those of every rival's containers, and bare ones (bare.ts).

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "../../../test/support/environment.ts";
import type { Path } from "./gauges.ts";
import { HOST, type Link, OUTSIDE } from "./link.ts";
import { networkOf, setDefaultsIn } from "./place.ts";
import { type Rival, startContainer } from "./rival.ts";

export type Way = "among" | "out" | "in";

export interface Contestant {
  name: string;
  /** Not each has them all. */
  paths: Partial<Record<Way, Path>>;
  /** Seconds that all but the two ends have worked so far. */
  work(): number;
}

/** The bare ones'. Rivals have others of the host's, so their index begins above 0. */
export const FIRST_PORT = 18_000;
/** One for the tools of each kind. */
const PORTS = 2;
const MICROSECONDS = 1e6;

export interface Stage {
  link: Link;
  image: string;
}

/**
 * Starts its containers, new ones for every course: not all networks survive the last gauge. The tools are the machine's, put into
 * the containers' networks: the same ones at every end.
 */
export async function contestantOf(rival: Rival, index: number, { link, image }: Stage): Promise<Contestant> {
  const port = FIRST_PORT + index * PORTS;
  const published = [`${port}-${port + 1}:${port}-${port + 1}`, `${port}:${port}/udp`];
  const server = await startContainer(rival, image, published);
  const paths: Contestant["paths"] = {
    out: { client: networkOf(server.pid), server: link.outside, address: OUTSIDE, port },
    in: { client: link.outside, server: networkOf(server.pid), address: HOST, port },
  };
  // The other networks are for one container alone.
  if (rival.network === "bridge") {
    const client = await startContainer(rival, image, []);
    paths.among = { client: networkOf(client.pid), server: networkOf(server.pid), address: server.address, port };
  }
  setDefaultsIn(rival.env);
  return { name: rival.name, paths, work: () => workOf(rival.env) };
}

/** cgroup-v2.rst, "cpu.stat": of all that ever ran in there. */
function workOf({ host }: TestEnv): number {
  const text = readFileSync(join(host.view(host.group ?? ""), "cpu.stat"), "utf8");
  return Number(/^usage_usec (\d+)$/m.exec(text)?.[1]) / MICROSECONDS;
}
