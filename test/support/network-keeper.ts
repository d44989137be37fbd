// The process that keeps a data home's networks.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Processes of this data home's network keeper. */
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
