// --userns: how a container's ids lie over those of the user's namespace U. Pure.

import type { IdMapping } from "./sandbox-spec.ts";

/** A line of `--uidmap` and the like, as it was written. */
export interface MapLine {
  inside: number;
  /** An id of U, or with `isHost` one of the host. */
  outside: number;
  size: number;
  isHost: boolean;
  /** Only these ids change; all others stay as they would be. */
  extends: boolean;
}

/** Asked for, and not yet known in ids of U: that needs the host's ranges, or a lease. */
export type UsernsWish =
  /** The caller is nobody inside. */
  | { kind: "nomap" }
  /** Ids that no other container has; `size` `null`: as many as the image needs. */
  | { kind: "auto"; size: number | null; uid: MapLine[]; gid: MapLine[] }
  /** `uidOwner`, `gidOwner`: whose subordinate ids are meant, of a side that has no lines. */
  | { kind: "lines"; uid: MapLine[]; gid: MapLine[]; uidOwner: string | null; gidOwner: string | null };

/**
 * `host`: the container lives in U itself. `keep`: the caller has these ids inside. `maps`: the map itself, cut as the kernel
 * wants it, and the word that `inspect` shows; absent: the container's own namespace, with U's ids.
 */
export type UsernsRequest =
  | { kind: "host" }
  | { kind: "keep"; uid: number; gid: number }
  | { kind: "maps"; mode: string; uid: IdMapping[]; gid: IdMapping[] }
  | UsernsWish;

/** Whether it waits for `settleWish`. */
export function isWish(userns: UsernsRequest): userns is UsernsWish {
  return userns.kind === "nomap" || userns.kind === "auto" || userns.kind === "lines";
}

/** Over U (`userMap`), with U's root, who is the caller, as `own`, and everybody else in order around him. */
export function planKeepMap(userMap: readonly IdMapping[], own: number): IdMapping[] {
  const total = userMap.reduce((sum, { size }) => sum + size, 0);
  const below = Math.min(own, total - 1);
  const lines = [
    { inside: 0, outside: 1, size: below },
    { inside: own, outside: 0, size: 1 },
    { inside: own + 1, outside: below + 1, size: total - 1 - below },
  ];
  return lines.flatMap((line) => cut(line, userMap));
}

/** The kernel takes no line that lies across two of the map it refers to (user_namespaces(7)). */
export function cut(line: IdMapping, userMap: readonly IdMapping[]): IdMapping[] {
  const end = line.outside + line.size;
  return userMap.flatMap(({ inside: first, size }) => {
    const from = Math.max(line.outside, first);
    const to = Math.min(end, first + size);
    return from < to ? [{ inside: line.inside + from - line.outside, outside: from, size: to - from }] : [];
  });
}
