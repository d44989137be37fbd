// A file tree as lines that can be compared: one for each entry, with type, mode, owner, size, time, content, links and extended
// attributes. Names may be any bytes; links are never followed.
//
//   describeFiles("/some/root")                                  // ["d 755 0:0 … etc", "f 644 0:0 … etc/motd", …]
//   describeFiles(path, { owners: new IdMap(env.user) })         // ids as they are inside the user's namespace

import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

import { extendedAttributes } from "./libc.ts";
import type { TestUser } from "./user.ts";

export interface DescribeOptions {
  owners?: IdMap;
  /** Directories' times too; files' are always compared. */
  directoryTimes?: boolean;
  /** Whole paths (of escaped names) that are left out, with all below them. */
  except?: readonly string[];
  /** false: which names are one file is not told. */
  links?: boolean;
}

interface Walk extends Required<Omit<DescribeOptions, "owners">> {
  owners: IdMap | null;
  /** First path of each file with several names. */
  names: Map<string, string>;
  lines: string[];
}

const SLASH = Buffer.from("/");
const PERMISSIONS = 0o7777;
const TYPES: Readonly<Record<number, string>> = { 1: "p", 2: "c", 4: "d", 6: "b", 8: "f", 10: "l", 12: "s" };
/** struct vfs_cap_data in hexadecimal: flags and version, sets; version 3 has a root id behind. */
const CAPABILITY_FLAGS = 2;
const CAPABILITY_SETS = [8, 40] as const;

/** Host ids → ids in the user namespace that newuidmap gives this user (0 is the user, the rest the subordinate range). */
export class IdMap {
  readonly #uids: (id: number) => number;
  readonly #gids: (id: number) => number;

  constructor(user: TestUser) {
    this.#uids = mapOf(user.uid, rangeOf("/etc/subuid", user.name));
    this.#gids = mapOf(user.gid, rangeOf("/etc/subgid", user.name));
  }

  uid(id: number): number {
    return this.#uids(id);
  }

  gid(id: number): number {
    return this.#gids(id);
  }
}

function rangeOf(path: string, name: string): { start: number; count: number } {
  const [, start, count] =
    readFileSync(path, "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .find(([owner]) => owner === name) ?? [];
  return { start: Number(start), count: Number(count) };
}

function mapOf(own: number, { start, count }: { start: number; count: number }): (id: number) => number {
  return (id) => (id === own ? 0 : id >= start && id < start + count ? id - start + 1 : -1);
}

/** In the order of names; the first line is the root itself, named ".". */
export function describeFiles(root: string, options: DescribeOptions = {}): string[] {
  const { owners = null, directoryTimes = false, except = [], links = true } = options;
  const walk: Walk = { owners, directoryTimes, except, links, names: new Map(), lines: [] };
  describeEntry(walk, Buffer.from(root), Buffer.from("."));
  return walk.lines;
}

function describeEntry(walk: Walk, path: Buffer, name: Buffer): void {
  const shown = escapeBytes(name);
  if (walk.except.includes(shown)) return;
  const status = lstatSync(path, { bigint: true });
  const type = TYPES[Number(status.mode >> 12n)] ?? "?";
  const mode = (Number(status.mode) & PERMISSIONS).toString(8);
  const [uid, gid] = [Number(status.uid), Number(status.gid)];
  const owner = walk.owners === null ? `${uid}:${gid}` : `${walk.owners.uid(uid)}:${walk.owners.gid(gid)}`;
  const time = type === "d" && !walk.directoryTimes ? "-" : status.mtimeNs.toString();
  const what = contentOf(walk, { type, path, shown, status });
  walk.lines.push(`${type} ${mode} ${owner} ${time} ${what} ${attributesOf(path)}${shown}`);
  if (type !== "d") return;
  const children = readdirSync(path, { encoding: "buffer" }).sort((a, b) => a.compare(b));
  for (const child of children) {
    const below = name.equals(Buffer.from(".")) ? child : Buffer.concat([name, SLASH, child]);
    describeEntry(walk, Buffer.concat([path, SLASH, child]), below);
  }
}

interface Entry {
  type: string;
  path: Buffer;
  shown: string;
  status: { dev: bigint; ino: bigint; nlink: bigint; size: bigint; rdev: bigint; blocks: bigint };
}

function contentOf(walk: Walk, { type, path, shown, status }: Entry): string {
  if (type === "c" || type === "b") return `device ${status.rdev}`;
  if (type === "l") return `-> ${escapeBytes(readlinkSync(path, { encoding: "buffer" }))}`;
  if (type !== "f") return "-";
  const key = `${status.dev}:${status.ino}`;
  const first = walk.names.get(key);
  if (first !== undefined) return `== ${first}`;
  if (status.nlink > 1n && walk.links) walk.names.set(key, shown);
  return `${status.size} ${hashOf(path, status)}`;
}

/** Of files full of holes only the size: they may be larger than any memory. */
function hashOf(path: Buffer, { size, blocks }: { size: bigint; blocks: bigint }): string {
  const LARGE = 256n * 1024n * 1024n;
  if (size > LARGE && blocks * 512n < size / 2n) return "sparse";
  return new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
}

/** File capabilities as the namespace's root sees them: without the id they are tied to outside. */
function attributesOf(path: Buffer): string {
  const pairs = extendedAttributes(path).map(([name, value]) => {
    if (name !== "security.capability") return `${name}=${value}`;
    return `${name}=${value.slice(0, CAPABILITY_FLAGS)}-${value.slice(...CAPABILITY_SETS)}`;
  });
  return pairs.length === 0 ? "" : `[${pairs.join(" ")}] `;
}

/** Printable ASCII as it is, everything else as \xNN. */
export function escapeBytes(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`,
    )
    .join("");
}
