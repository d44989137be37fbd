// The user's subordinate ids as a host's files give them (subuid(5), subgid(5)): none, too few, or somebody else's as well.

import type { Finding, HostReport } from "./report.ts";

/** What images count on: 0 to 65535, nobody's included. */
const WANTED_IDS = 65_536;
/** Where login.defs(5) has useradd begin. */
const FIRST_ID = 100_000;

interface Range {
  owner: string;
  start: number;
  count: number;
}

export function subordinateFindings(report: HostReport): Finding[] {
  const { ownIds, subuid, subgid } = report;
  if (ownIds !== null) return [judgeOwn("uids", ownIds.uids), judgeOwn("gids", ownIds.gids)];
  return [judge(report, "uids", subuid), judge(report, "gids", subgid)];
}

/** Root of a user namespace: what ids there are, its maker has said. */
function judgeOwn(kind: "uids" | "gids", total: number): Finding {
  const check = `subordinate ${kind}`;
  if (total >= WANTED_IDS) return { check, level: "ok", cause: `${total} are here`, evidence: null, fix: [] };
  const cause =
    total <= 1 ? "without them a container has one id" : `${total} are here, and most images count on ${WANTED_IDS}`;
  return { check, level: "warning", cause, evidence: `/proc/self/${kind.slice(0, -1)}_map`, fix: [] };
}

function judge({ user }: HostReport, kind: "uids" | "gids", text: string): Finding {
  const check = `subordinate ${kind}`;
  const file = kind === "uids" ? "/etc/subuid" : "/etc/subgid";
  const ranges = parse(text);
  const own = ranges.filter(({ owner }) => owner === user.name || owner === String(user.uid));
  const total = own.reduce((sum, { count }) => sum + count, 0);
  const add = `usermod --add-sub${kind} ${freeRange(ranges)} ${user.name}`;
  if (total === 0) {
    const evidence = `${file} has no line for ${user.name}`;
    return { check, level: "warning", cause: "without them a container has one id", evidence, fix: [add] };
  }
  const clash = overlap(own, ranges);
  if (clash !== null) {
    const { owner, start, count } = clash.other;
    const evidence = `${file}: ${owner}:${start}:${count}`;
    // Not among the fixes: what has the old ids could not even be removed then.
    const change = `usermod --del-sub${kind} ${rangeOf(clash.own)} --add-sub${kind} ${freeRange(ranges)} ${user.name}`;
    const cause = `they are another user's as well, who can enter your containers; for others, as root, after \`bunker system reset\`: ${change}`;
    return { check, level: "warning", cause, evidence, fix: [] };
  }
  if (total >= WANTED_IDS) return { check, level: "ok", cause: `${total} are yours`, evidence: null, fix: [] };
  const cause = `${total} are yours, and most images count on ${WANTED_IDS}`;
  return { check, level: "warning", cause, evidence: file, fix: [add] };
}

function parse(text: string): Range[] {
  return text.split("\n").flatMap((line) => {
    const [owner = "", start, count] = line.trim().split(":");
    const range = { owner, start: Number(start), count: Number(count) };
    return owner !== "" && Number.isSafeInteger(range.start) && range.count > 0 ? [range] : [];
  });
}

interface Clash {
  own: Range;
  other: Range;
}

function overlap(own: Range[], all: Range[]): Clash | null {
  const meets = (one: Range, other: Range): boolean =>
    one.start < other.start + other.count && other.start < one.start + one.count;
  const clashes = own.flatMap((one) =>
    all.flatMap((other) => (!own.includes(other) && meets(one, other) ? [{ own: one, other }] : [])),
  );
  return clashes[0] ?? null;
}

/** usermod's form. */
function rangeOf({ start, count }: Range): string {
  return `${start}-${start + count - 1}`;
}

/** Ids that nobody has, in usermod's form. */
function freeRange(ranges: Range[]): string {
  const first = Math.max(FIRST_ID, ...ranges.map(({ start, count }) => start + count));
  return rangeOf({ owner: "", start: first, count: WANTED_IDS });
}
