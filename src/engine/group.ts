// The cgroup of a container whose keeper was killed and that has ended itself, or is ending: whoever finds that removes the group.

import { readdirSync, rmdirSync, writeFileSync } from "node:fs";

/** A killed process is in it until the kernel has taken it apart. */
const TRIES = 200;
const PAUSE_MS = 5;

/** Ends what is still in the group and removes it, with those that the container may have made in it (cgroups(7)). */
export function removeGroup(place: string): void {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    try {
      rmdirSync(place);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY") return;
    }
    if (attempt === 0) clear(place);
    else Bun.sleepSync(PAUSE_MS);
  }
}

function clear(place: string): void {
  try {
    writeFileSync(`${place}/cgroup.kill`, "1");
  } catch {
    // A kernel before 5.14: its processes are ending all the same, their init being dead.
  }
  try {
    for (const entry of readdirSync(place, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(`${place}/${entry.name}`);
    }
  } catch {
    // Gone meanwhile.
  }
}
