// What is mounted where, as the kernel tells it (proc_pid_mountinfo(5)).

import { readFileSync } from "node:fs";

export interface Mount {
  place: string;
  /** Its own, and what the file system forbids to all of its mounts. */
  options: string[];
  filesystem: string;
}

/** Every mount there is, in the kernel's order. */
export function readMounts(): Mount[] {
  return parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
}

export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const separator = fields.indexOf("-");
    if (separator < 0) return [];
    const [place = "", options = ""] = fields.slice(4, 6);
    const [filesystem = "", , ofAll = ""] = fields.slice(separator + 1);
    const all = [...new Set([...options.split(","), ...ofAll.split(",").filter((option) => option === "ro")])];
    return [{ place: unescape(place), options: all, filesystem }];
  });
}

/** Space, tab, newline and backslash stand in octal. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}

/** Of the mounts above a path the deepest, and of these the last. */
export function mountAbove(path: string, mounts: readonly Mount[]): Mount | null {
  const isAbove = (place: string): boolean => place === "/" || path === place || path.startsWith(`${place}/`);
  const deeper = (found: Mount | null, mount: Mount): Mount | null =>
    isAbove(mount.place) && mount.place.length >= (found?.place.length ?? 0) ? mount : found;
  return mounts.reduce<Mount | null>(deeper, null);
}
