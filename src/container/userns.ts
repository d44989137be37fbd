// --userns: how a container's ids lie over those of the user's namespace U. Pure.

import type { IdMapping } from "./sandbox-spec.ts";

/** `host`: the container lives in U itself. `keep`: the caller has these ids inside; absent: the container's own namespace, with U's ids. */
export type UsernsRequest = { kind: "host" } | { kind: "keep"; uid: number; gid: number };

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
function cut(line: IdMapping, userMap: readonly IdMapping[]): IdMapping[] {
  const end = line.outside + line.size;
  return userMap.flatMap(({ inside: first, size }) => {
    const from = Math.max(line.outside, first);
    const to = Math.min(end, first + size);
    return from < to ? [{ inside: line.inside + from - line.outside, outside: from, size: to - from }] : [];
  });
}
