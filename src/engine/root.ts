// Real root: the engine is started anew as the first of root's subordinate ids, in a user namespace of these. A container's root is then
// nobody on the host, and so is the engine; what root alone may read cannot be mounted. Root's settings and a cgroup go along.

import { chmodSync, lchownSync, lstatSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { BunkerError } from "../errors.ts";
import { leaveRoot as becomeSubordinate, useLibraryDirectory } from "../native/index.ts";
import { enterOwnGroup } from "./root-group.ts";
import { readRootSettings, REPLACED } from "./root-settings.ts";
import { isRealRoot, LEFT_ROOT, readText, subordinateRanges } from "./host.ts";

const ROOT = "root";
/** Where a service's data are (file-hierarchy(7)). */
const DATA_HOME = "/var/lib/bunker";
const LIBRARY = "/var/lib/bunker-root";
const PRIVATE = 0o700;
const OTHERS_WRITE = 0o022;
const READ_AND_EXECUTE = 0o005;
const WANTED = "100000:65536";

interface Range {
  start: number;
  count: number;
}

/** Returns at once where we are not root of the host; else never. @throws BunkerError host-refused, store */
export function leaveRoot(options: { root: string | null }): void {
  if (!isRealRoot(process.getuid?.() ?? 0)) return;
  const [uids, gids] = [ownRange("/etc/subuid"), ownRange("/etc/subgid")];
  ensureReadable(process.execPath);
  const home = options.root ?? DATA_HOME;
  giveHome(home, { uid: uids.start, gid: gids.start });
  useLibraryDirectory(ownLibrary());
  enterOwnGroup({ uid: uids.start, gid: gids.start });
  const { entries, variables } = readRootSettings(process.env);
  const gone = Object.fromEntries(["HOME", ...REPLACED].map((name) => [name, undefined]));
  const environment: NodeJS.ProcessEnv = { ...process.env, ...gone, [LEFT_ROOT]: String(uids.start) };
  // `--root` stays among the arguments.
  if (options.root === null) environment["XDG_DATA_HOME"] = dirname(DATA_HOME);
  becomeSubordinate({
    ranges: [uids.start, uids.count, gids.start, gids.count],
    arguments: [process.argv0, ...process.argv.slice(2)],
    environment: Object.entries(environment).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}=${value}`],
    ),
    settings: entries,
    places: variables,
    home,
  });
}

function ownRange(file: string): Range {
  const [range] = subordinateRanges(readText(file), ROOT, 0);
  if (range !== undefined && range.count > 1) return range;
  throw new BunkerError("host-refused", `root has no subordinate ids: ${file} has no line for it`, {
    hint: `Add one whose ids nobody else has: echo ${ROOT}:${WANTED} >> ${file}. Or run bunker as an ordinary user: it needs no root.`,
  });
}

/** It is executed again by somebody who is not root. */
function ensureReadable(program: string): void {
  if ((statSync(program).mode & READ_AND_EXECUTE) === READ_AND_EXECUTE) return;
  throw new BunkerError("host-refused", `"${program}" may be executed by root alone`, {
    hint: `chmod 755 ${program}: containers are run by root's subordinate ids.`,
  });
}

interface Owner {
  uid: number;
  gid: number;
}

/** An empty directory of root's, where nobody else could exchange it, may be given away; anything else may not. */
function giveHome(path: string, { uid, gid }: Owner): void {
  mkdirSync(path, { recursive: true, mode: PRIVATE });
  const found = lstatSync(path);
  if (found.uid === uid) return;
  if (isRoots(dirname(path)) && isRoots(path) && readdirSync(path).length === 0) {
    chmodSync(path, PRIVATE);
    lchownSync(path, uid, gid);
    return;
  }
  throw new BunkerError("store", `the data home "${path}" is not that of root's subordinate id ${uid}`, {
    hint: "Name an empty directory with --root, in one that only root may write to.",
  });
}

/** Root's own: what is loaded from there runs as root. */
function ownLibrary(): string {
  mkdirSync(LIBRARY, { recursive: true, mode: PRIVATE });
  if (isRoots(dirname(LIBRARY)) && isRoots(LIBRARY)) return LIBRARY;
  throw new BunkerError("store", `"${LIBRARY}" can be written by others than root`);
}

function isRoots(path: string): boolean {
  const found = lstatSync(path);
  return found.isDirectory() && found.uid === 0 && (found.mode & OTHERS_WRITE) === 0;
}
