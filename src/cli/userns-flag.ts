// `--userns`, `--uidmap` and their like, in docker's and podman's words.

import { type ParsedLine, parseMapLine, sortLines, type UsernsRequest } from "../container/index.ts";
import { BunkerError } from "../errors.ts";

const OPTION = /^(uid|gid)=(\d{1,10})$/;
const SIZE = /^\d{1,10}$/;
const LARGEST_ID = 0x7f_ff_ff_ff;

/** `caller`: who keep-id is about, unless it says otherwise. `null`: as always. @throws BunkerError usage in docker's words, or unsupported */
export function parseUserns(text: string | null, caller: { uid: number; gid: number }): UsernsRequest | null {
  if (text === null || text === "" || text === "private") return null;
  if (text === "host") return { kind: "host" };
  if (text === "nomap") return { kind: "nomap" };
  const [mode = "", options] = text.split(/:(.*)/s);
  if (mode === "keep-id") return parseKeep(options, caller);
  if (mode === "auto") return parseAuto(options);
  throw new BunkerError("usage", "--userns: invalid USER mode", {
    hint: "The modes are private, host, keep-id, nomap, auto, container:NAME and ns:PATH.",
  });
}

function parseKeep(options: string | undefined, caller: { uid: number; gid: number }): UsernsRequest {
  const keep = { kind: "keep" as const, ...caller };
  for (const option of options?.split(",") ?? []) {
    const [, key, value] = OPTION.exec(option) ?? [];
    if (key === undefined || Number(value) > LARGEST_ID) {
      throw unknownOption(option, "The options of keep-id are uid=NUMBER and gid=NUMBER.");
    }
    keep[key as "uid" | "gid"] = Number(value);
  }
  return keep;
}

function parseAuto(options: string | undefined): UsernsRequest {
  let size: number | null = null;
  const lines: ParsedLine[] = [];
  for (const option of options?.split(",") ?? []) {
    const [key, value = ""] = option.split(/=(.*)/s);
    if (key === "size" && SIZE.test(value) && Number(value) > 0) size = Number(value);
    else if (key === "uidmapping") lines.push({ ...parseMapLine(value, "--userns auto"), uid: true, gid: false });
    else if (key === "gidmapping") lines.push({ ...parseMapLine(value, "--userns auto"), uid: false, gid: true });
    else
      throw unknownOption(option, "The options of auto are size=NUMBER, uidmapping=C:H:SIZE and gidmapping=C:H:SIZE.");
  }
  const only = (kind: "uid" | "gid") =>
    lines
      .filter((line) => line[kind])
      .map(({ inside, outside, size: count, isHost }) => ({ inside, outside, size: count, isHost, extends: false }));
  return { kind: "auto", size, uid: only("uid"), gid: only("gid") };
}

function unknownOption(option: string, hint: string): BunkerError {
  return new BunkerError("usage", `unknown option specified: "${option}"`, { hint });
}

export interface IdMapValues {
  gidmap: readonly ParsedLine[];
  subgidname: string | null;
  subuidname: string | null;
  uidmap: readonly ParsedLine[];
  userns: string | null;
}

/** podman's `--uidmap`, `--gidmap`, `--subuidname` and `--subgidname`; `null`: none of them. @throws BunkerError usage */
export function parseIdMaps({ uidmap, gidmap, subuidname, subgidname, userns }: IdMapValues): UsernsRequest | null {
  const named = (name: string | null): string | null => (name === "" ? null : name);
  const [uidName, gidName] = [named(subuidname), named(subgidname)];
  const hasLines = uidmap.length + gidmap.length > 0;
  if (!hasLines && uidName === null && gidName === null) return null;
  if (userns !== null && userns !== "") {
    const flags = hasLines ? "--uidmap/--gidmap" : "--subuidname/--subgidname";
    throw new BunkerError("usage", `--userns and ${flags} are mutually exclusive`);
  }
  ensureOneSource({ "--uidmap": uidmap.length > 0, "--subuidname": uidName !== null });
  ensureOneSource({ "--gidmap": gidmap.length > 0, "--subgidname": gidName !== null });
  const { uid, gid } = sortLines(uidmap, gidmap);
  return {
    kind: "lines",
    uid: uidName === null ? uid : [],
    gid: gidName === null ? gid : [],
    // podman: a name for one kind only is meant for both.
    uidOwner: uidName ?? (hasLines ? null : gidName),
    gidOwner: gidName ?? (hasLines ? null : uidName),
  };
}

function ensureOneSource(flags: Readonly<Record<string, boolean>>): void {
  const names = Object.keys(flags);
  if (names.some((name) => flags[name] !== true)) return;
  throw new BunkerError("usage", `conflicting options: ${names.join(" and ")}`);
}
