// Holding all processes of a container's own group (cgroups(7), the v2 freezer): `cgroup.freeze`, and how far the kernel has come.

import { readFileSync, writeFileSync } from "node:fs";

/** A process in the middle of a call that cannot be interrupted is held only after it. */
const TRIES = 2000;
const PAUSE_MS = 5;

/** Whether a group is to be frozen, even while the kernel is still at it. */
export function isFrozen(group: string | null): boolean {
  return group !== null && readText(`${group}/cgroup.freeze`).trim() === "1";
}

/** @returns false when it did not happen: the group is none of ours, or has gone, or does not come to rest */
export async function setFrozen(group: string, frozen: boolean): Promise<boolean> {
  if (!writeFrozen(group, frozen)) return false;
  const wanted = frozen ? "frozen 1" : "frozen 0";
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const lines = readText(`${group}/cgroup.events`).split("\n");
    if (lines.includes(wanted)) return true;
    if (!lines.some((line) => line.startsWith("frozen "))) break;
    await Bun.sleep(PAUSE_MS);
  }
  if (frozen) writeFrozen(group, false);
  return false;
}

/** Lets a group go on, if it is held, and does not wait for it. */
export function thaw(group: string | null): void {
  if (isFrozen(group)) writeFrozen(group as string, false);
}

function writeFrozen(group: string, frozen: boolean): boolean {
  try {
    writeFileSync(`${group}/cgroup.freeze`, frozen ? "1" : "0");
    return true;
  } catch {
    return false;
  }
}

/** A group that has gone has no files. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
