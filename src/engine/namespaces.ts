// The namespaces a container lives in, by the numbers the kernel has for them (namespaces(7)).

import { readlinkSync } from "node:fs";

/** As /proc/PID/ns names them. */
const KINDS = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] as const;

export type Namespaces = Readonly<Record<(typeof KINDS)[number], string>>;

/** Of a process; empty where it has gone. */
export function readNamespaces(pid: number): Namespaces {
  return Object.fromEntries(KINDS.map((kind) => [kind, readNumber(`/proc/${pid}/ns/${kind}`)])) as Namespaces;
}

/** `mnt:[4026531841]` → the number. */
function readNumber(path: string): string {
  try {
    return /\[(\d+)\]$/.exec(readlinkSync(path))?.[1] ?? "";
  } catch {
    return "";
  }
}
