// docker's question before something is removed that nobody named.

import { print } from "./output.ts";
import { UsageError } from "./usage.ts";

/** Asks on standard output and reads one line. @throws UsageError in docker's words unless it says y */
export async function confirm(warning: string, what: string): Promise<void> {
  print(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  for await (const line of console) {
    if (line.trim().toLowerCase() === "y") return;
    break;
  }
  throw new UsageError(`${what} has been canceled`, { exitCode: 1 });
}
