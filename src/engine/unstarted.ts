// What an OCI runtime has made for a keeper that was killed before it wrote that down: a process that waits to be started, for ever.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Ends it, if there is one. `directory`: of a container that does not run, under its lock. */
export function endUnstarted(directory: string): void {
  try {
    const pid = Number(readFileSync(`${directory}/bundle/pid`, "utf8"));
    // A number may be another's by now: only whoever waits has this open.
    const gate = new RegExp(`${directory.slice(directory.lastIndexOf("/"))}/bundle/state/[^/]+/exec\\.fifo$`);
    const descriptors = `/proc/${pid}/fd`;
    const isWaiting = readdirSync(descriptors).some((number) => gate.test(readlinkSync(`${descriptors}/${number}`)));
    if (isWaiting) process.kill(pid, "SIGKILL");
  } catch {
    // There is none, or it has just gone, or it is somebody else's.
  }
}
