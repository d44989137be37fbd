// Networks that the host itself can reach: a container network in the same place would hide them.

import { parsePrefix, type Prefix, prefixFromKernel } from "../network/index.ts";
import { readText } from "./host.ts";

const FIRST_ROUTE = 1;

/** From /proc/net/route (proc_net(5)), all but the way to everywhere else. */
export function hostRoutes(): Prefix[] {
  const lines = readText("/proc/net/route").split("\n").slice(FIRST_ROUTE);
  return lines.flatMap((line) => {
    const [, destination = "", , , , , , mask = ""] = line.split("\t");
    const prefix = parsePrefix(prefixFromKernel(destination, mask));
    return prefix === null || prefix.length === 0 ? [] : [prefix];
  });
}
