// The network keepers of an environment: there is one while a container is on a network of ours, and soon none after.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Their processes. */
export function networkKeepers(dataHome: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        return (
          words[1] === "network" &&
          words[2]?.startsWith(dataHome) === true &&
          readlinkSync(`/proc/${pid}/exe`).includes("keeper")
        );
      } catch {
        return false;
      }
    });
}

/** @throws when there is none, or more than one */
export function networkKeeper(dataHome: string): number {
  const [pid, ...more] = networkKeepers(dataHome);
  if (pid === undefined || more.length > 0) throw new Error(`network keepers: ${[pid, ...more].join(" ")}`);
  return pid;
}
