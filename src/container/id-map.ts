// A container's ids by --uidmap, --gidmap and --userns auto or nomap: what was written → a map over the ids of U. Pure.

import { BunkerError } from "../errors.ts";
import type { IdMapping } from "./sandbox-spec.ts";
import { cut, type MapLine } from "./userns.ts";

/** Ids from `first` on. */
export interface IdRange {
  first: number;
  size: number;
}

const LARGEST_ID = 0xff_ff_ff_fe;
/** The kernel takes no more in a map (user_namespaces(7)). */
const MAX_LINES = 340;
/** `flags container:outside:size`, as podman has it; the size may be left out. */
const LINE = /^([+ug]*)(\d{1,10}):(@?)(\d{1,10})(?::(\d{1,10}))?$/;

/** Which of both kinds of ids a line is about. */
export interface ParsedLine extends MapLine {
  uid: boolean;
  gid: boolean;
}

/** One value of `flag`. @throws BunkerError usage */
export function parseMapLine(text: string, flag: string): ParsedLine {
  const [, flags, inside, host, outside, size = "1"] = LINE.exec(text) ?? [];
  if (flags === undefined) {
    throw new BunkerError("usage", `${flag}: invalid id mapping "${text}"`, {
      hint: "It is [+][u][g]CONTAINER:HOST[:SIZE]; @HOST is an id of the host, HOST alone one of your own, 0 being you.",
    });
  }
  const line = { inside: Number(inside), outside: Number(outside), size: Number(size) };
  if (line.size === 0 || line.inside + line.size > LARGEST_ID || line.outside + line.size > LARGEST_ID) {
    throw new BunkerError("usage", `${flag}: no such ids: "${text}"`, {
      hint: "The size is 1 at least, and ids end at 2^32-2.",
    });
  }
  const named = flags.includes("u") || flags.includes("g");
  return {
    ...line,
    isHost: host === "@",
    extends: flags.includes("+"),
    uid: flags.includes("u") || (!named && flag !== "--gidmap"),
    gid: flags.includes("g") || (!named && flag === "--gidmap"),
  };
}

/** podman: what is said for one kind only holds for both. */
export function sortLines(
  uids: readonly ParsedLine[],
  gids: readonly ParsedLine[],
): { uid: MapLine[]; gid: MapLine[] } {
  const all = [...uids, ...gids];
  const uid = all.filter((line) => line.uid).map(bare);
  const gid = all.filter((line) => line.gid).map(bare);
  return { uid: uid.length === 0 ? gid : uid, gid: gid.length === 0 ? uid : gid };
}

function bare({ inside, outside, size, isHost, extends: isMore }: ParsedLine): MapLine {
  return { inside, outside, size, isHost, extends: isMore };
}

/** `userMap`: U's own, from which ids of the host are told. @throws BunkerError usage, host-refused */
export function planLines(lines: readonly MapLine[], userMap: readonly IdMapping[]): IdMapping[] {
  const own = lines.map((line) => locate(line, userMap));
  const asked = lines.some((line) => line.extends) ? extend(own, countIds(userMap)) : own;
  ensureDisjoint(asked);
  const map = asked.flatMap((line) => cut(line, userMap)).toSorted((one, other) => one.inside - other.inside);
  if (map.length > MAX_LINES) {
    throw new BunkerError("usage", `an id map of ${map.length} lines: the kernel takes ${MAX_LINES}`);
  }
  return map;
}

/** All of U's ids but the caller's. */
export function planNomap(userMap: readonly IdMapping[]): IdMapping[] {
  return cut({ inside: 0, outside: 1, size: countIds(userMap) - 1 }, userMap);
}

/** A leased range from 0 on, but where lines say something else. */
export function planAuto(lines: readonly MapLine[], lease: IdRange, userMap: readonly IdMapping[]): IdMapping[] {
  const own = lines.map((line) => locate(line, userMap));
  ensureDisjoint(own);
  const whole = { inside: 0, outside: lease.first, size: lease.size };
  const rest = own.reduce((parts, line) => parts.flatMap((part) => without(part, line, "inside")), [whole]);
  return [...own, ...rest].flatMap((line) => cut(line, userMap)).toSorted((one, other) => one.inside - other.inside);
}

/** How many ids U has. */
export function countIds(userMap: readonly IdMapping[]): number {
  return userMap.reduce((sum, { size }) => sum + size, 0);
}

/** The lowest free range, so that ranges, and the layers unpacked for them, are used again; `null`: there is none. */
export function findFreeRange(taken: readonly IdRange[], size: number, total: number): IdRange | null {
  const meets = (first: number): IdRange | undefined =>
    taken.find((range) => first < range.first + range.size && range.first < first + size);
  // The caller is 0.
  let first = 1;
  for (let other = meets(first); other !== undefined; other = meets(first)) {
    first = 1 + Math.ceil((other.first + other.size - 1) / RANGE_STEP) * RANGE_STEP;
  }
  return first + size <= total ? { first, size } : null;
}

/** podman's least range; all begin at a multiple of it, so that they are the same ones again and again. */
export const RANGE_STEP = 1024;

/** In ids of U. @throws BunkerError host-refused */
function locate({ inside, outside, size, isHost }: MapLine, userMap: readonly IdMapping[]): IdMapping {
  const total = countIds(userMap);
  if (!isHost) {
    if (outside + size <= total) return { inside, outside, size };
    throw new BunkerError("host-refused", `you have no ids ${outside} to ${outside + size - 1}`, {
      hint: `There are ${total}, 0 being you; /etc/subuid and /etc/subgid say how many.`,
    });
  }
  const home = userMap.find((line) => outside >= line.outside && outside + size <= line.outside + line.size);
  if (home !== undefined) return { inside, outside: home.inside + outside - home.outside, size };
  throw new BunkerError("host-refused", `the host's ids ${outside} to ${outside + size - 1} are not yours`, {
    hint: "Yours are your own and those that /etc/subuid and /etc/subgid give you.",
  });
}

/** U as it is, but for `own`; ids that would be nobody's then take the places that became free. */
function extend(own: readonly IdMapping[], total: number): IdMapping[] {
  let kept: IdMapping[] = [{ inside: 0, outside: 0, size: total }];
  for (const line of own) {
    kept = kept.flatMap((part) => without(part, line, "inside")).flatMap((part) => without(part, line, "outside"));
  }
  const all = [...own, ...kept];
  const places = gaps(all, "inside", total);
  const ids = gaps(all, "outside", total);
  const filled: IdMapping[] = [];
  while (places[0] !== undefined && ids[0] !== undefined) {
    const size = Math.min(places[0].size, ids[0].size);
    filled.push({ inside: places[0].first, outside: ids[0].first, size });
    for (const list of [places, ids]) shorten(list, size);
  }
  return [...all, ...filled];
}

function shorten(list: IdRange[], size: number): void {
  const [first] = list;
  if (first === undefined) return;
  if (first.size === size) list.shift();
  else list[0] = { first: first.first + size, size: first.size - size };
}

type Side = "inside" | "outside";

/** What of `part` does not meet `line` on that side. */
function without(part: IdMapping, line: IdMapping, side: Side): IdMapping[] {
  const from = Math.max(part[side], line[side]);
  const to = Math.min(part[side] + part.size, line[side] + line.size);
  if (from >= to) return [part];
  const before = { ...part, size: from - part[side] };
  const skipped = to - part[side];
  const after = { inside: part.inside + skipped, outside: part.outside + skipped, size: part.size - skipped };
  return [before, after].filter(({ size }) => size > 0);
}

/** Below `total`, what no line has on that side. */
function gaps(lines: readonly IdMapping[], side: Side, total: number): IdRange[] {
  const found: IdRange[] = [];
  let next = 0;
  for (const line of lines.toSorted((one, other) => one[side] - other[side])) {
    const end = Math.min(line[side], total);
    if (end > next) found.push({ first: next, size: end - next });
    next = Math.max(next, line[side] + line.size);
  }
  if (next < total) found.push({ first: next, size: total - next });
  return found;
}

/** @throws BunkerError usage */
function ensureDisjoint(lines: readonly IdMapping[]): void {
  for (const side of ["inside", "outside"] as const) {
    const sorted = lines.toSorted((one, other) => one[side] - other[side]);
    const clash = sorted.find(
      (line, at) => at > 0 && (sorted[at - 1] as IdMapping)[side] + (sorted[at - 1] as IdMapping).size > line[side],
    );
    if (clash !== undefined) {
      const where = side === "inside" ? "in the container" : "outside";
      throw new BunkerError("usage", `an id map names the id ${clash[side]} ${where} twice`);
    }
  }
}
