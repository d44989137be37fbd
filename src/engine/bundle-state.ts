// Where the containers of bundles are kept track of: one directory for each, below the runtime's root.
//
//   <root>/<id>/bundle.json   what was asked for, written once
//               process.json  its process: number, start time, boot
//               ctl           its gate: somebody listens there until it is started
//               created       there once it is whole; before that, its maker's lock on `lock` tells whether somebody is at it
//               root/         where its root is mounted, in its own mount namespace only
//   <root>/.new-<pid>-<id>/   on its way in: renamed when its lock is held
//   <root>/.gone-<pid>-<id>/  on its way out
//
// What runs is what the kernel says: the process by its start time, the gate by asking.

import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Hooks, SandboxSpec } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import { acquireLock, closeFd, connectControl, isLocked, useLibraryDirectory } from "../native/index.ts";
import { openLayout } from "../store/index.ts";
import { isSameProcess, readBootId, startTimeOf } from "./host.ts";

export type BundleStatus = "creating" | "created" | "running" | "stopped";

/** What was asked for. */
export interface BundleRecord {
  version: 1;
  id: string;
  ociVersion: string;
  bundle: string;
  annotations: Record<string, string>;
  hooks: Hooks;
  spec: SandboxSpec;
  /** RFC 3339. */
  created: string;
}

export interface BundleProcess {
  pid: number;
  /** Clock ticks after boot (proc_pid_stat(5), field 22). */
  startTime: number;
  bootId: string;
}

/** As the specification words it, with when it was made. */
export interface StateDocument {
  ociVersion: string;
  id: string;
  status: BundleStatus;
  /** 0: it has none any more. */
  pid: number;
  bundle: string;
  rootfs: string;
  created: string;
  annotations: Record<string, string>;
}

const RECORD_VERSION = 1;
const PRIVATE = 0o700;
const GROUP_AND_OTHERS = 0o077;
/** runc's rule for names, and what a file name may be. */
const ID = /^(?!\.)[\w+.-]{1,200}$/;

/** The containers below one root. */
export class BundleStates {
  constructor(readonly root: string) {}

  /** @throws BunkerError usage */
  directory(id: string): string {
    if (!ID.test(id)) throw new BunkerError("usage", `invalid container id format: ${JSON.stringify(id)}`);
    return `${this.root}/${id}`;
  }

  list(): string[] {
    return readdirSync(this.root)
      .filter((name) => ID.test(name))
      .toSorted();
  }

  /** A new one, of which everybody sees that it is being made as long as the lock is held: what is returned lets go. @throws BunkerError conflict */
  reserve(record: BundleRecord): () => void {
    const place = this.directory(record.id);
    const aside = `${this.root}/.new-${process.pid}-${record.id}`;
    mkdirSync(`${aside}/root`, { recursive: true, mode: PRIVATE });
    const lock = acquireLock(`${aside}/lock`);
    writeFileSync(`${aside}/bundle.json`, JSON.stringify(record));
    try {
      renameSync(aside, place);
    } catch (cause) {
      rmSync(aside, { recursive: true, force: true });
      const { code = "" } = cause as NodeJS.ErrnoException;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw cause;
      throw new BunkerError("conflict", `container with id exists: ${record.id}`);
    }
    return () => void (lock !== null && closeFd(lock));
  }

  /** @throws BunkerError not-found */
  read(id: string): BundleRecord {
    const record = readJson<BundleRecord>(`${this.directory(id)}/bundle.json`);
    if (record === null) throw missing(id);
    if (record.version > RECORD_VERSION) throw new BunkerError("store", `container ${id} was made by a newer version`);
    return record;
  }

  write(record: BundleRecord): void {
    replaceFile(`${this.directory(record.id)}/bundle.json`, JSON.stringify(record));
  }

  process(id: string): BundleProcess | null {
    return readJson<BundleProcess>(`${this.directory(id)}/process.json`);
  }

  writeProcess(id: string, pid: number): BundleProcess {
    const found = processAt(pid);
    replaceFile(`${this.directory(id)}/process.json`, JSON.stringify(found));
    return found;
  }

  markCreated(id: string): void {
    writeFileSync(`${this.directory(id)}/created`, "");
  }

  /** What the kernel says, and the process where it lives. */
  look(id: string): { status: BundleStatus; living: BundleProcess | null } {
    const place = this.directory(id);
    if (isLocked(`${place}/lock`)) return { status: "creating", living: null };
    const living = this.process(id);
    if (living === null || !isAlive(living)) return { status: "stopped", living: null };
    if (lstatSync(`${place}/created`, { throwIfNoEntry: false }) === undefined) return { status: "creating", living };
    const gate = connectControl(place);
    if (gate === null) return { status: "running", living };
    closeFd(gate);
    return { status: "created", living };
  }

  /** @throws BunkerError not-found */
  state(id: string): StateDocument {
    const record = this.read(id);
    const { status, living } = this.look(id);
    return stateOf(record, status, living?.pid ?? 0);
  }

  /** Nobody finds it any more after this. */
  remove(id: string): void {
    const gone = `${this.root}/.gone-${process.pid}-${id}`;
    renameSync(this.directory(id), gone);
    rmSync(gone, { recursive: true, force: true });
  }

  /** What a killed command left on its way in or out. */
  sweep(): void {
    for (const name of readdirSync(this.root)) {
      const [, pid] = /^\.(?:new|gone)-(\d+)-/.exec(name) ?? [];
      if (pid === undefined || startTimeOf(Number(pid)) !== null) continue;
      rmSync(`${this.root}/${name}`, { recursive: true, force: true });
    }
  }
}

export function stateOf(record: BundleRecord, status: BundleStatus, pid: number): StateDocument {
  const { ociVersion, id, bundle, created, annotations, spec } = record;
  const rootfs = spec.root.kind === "directory" ? spec.root.path : "";
  return { ociVersion, id, status, pid, bundle, rootfs, created, annotations };
}

/**
 * `root`: the runtime's `--root`; `null`: a directory of the session's, as other runtimes have it, else one in the data home.
 *
 * @throws BunkerError store
 */
export function openBundleStates(root: string | null): BundleStates {
  const uid = process.getuid?.() ?? 0;
  const session = process.env["XDG_RUNTIME_DIR"];
  const inSession = session?.startsWith("/") === true ? `${session}/bunker-runtime` : null;
  const asked = root ?? inSession;
  const layout = tryLayout(uid, asked !== null);
  const place = asked ?? `${layout?.userRuntimeDir}/runtime`;
  mkdirSync(place, { recursive: true, mode: PRIVATE });
  const found = lstatSync(place);
  if (!found.isDirectory() || found.uid !== uid || (found.mode & GROUP_AND_OTHERS) !== 0) {
    throw new BunkerError(
      "store",
      `the runtime's root "${place}" must be a directory of yours that is closed to others`,
      {
        hint: `Close it: chmod 700 ${place}`,
      },
    );
  }
  useLibraryDirectory(layout?.library() ?? `${place}/.lib`);
  return new BundleStates(place.startsWith("/") ? place : `${process.cwd()}/${place}`);
}

/** The data home holds the addon. Another engine may call us without a HOME: then that lies in the runtime's root. */
function tryLayout(uid: number, canDoWithout: boolean): ReturnType<typeof openLayout> | null {
  try {
    return openLayout({ root: null, runroot: null }, process.env, uid);
  } catch (error) {
    if (canDoWithout && error instanceof BunkerError) return null;
    throw error;
  }
}

export function missing(id: string): BunkerError {
  return new BunkerError("not-found", `container ${JSON.stringify(id)} does not exist`);
}

export function isAlive({ pid, startTime, bootId }: BundleProcess): boolean {
  return isSameProcess(pid, startTime) && bootId === readBootId();
}

/** The process that has this number now. */
export function processAt(pid: number): BundleProcess {
  return { pid, startTime: startTimeOf(pid) ?? 0, bootId: readBootId() };
}

/** `null`: there is none. */
function readJson<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

/** Whole or not at all. */
export function replaceFile(path: string, content: string): void {
  const slash = path.lastIndexOf("/") + 1;
  const aside = `${path.slice(0, slash)}.${path.slice(slash)}.${process.pid}`;
  writeFileSync(aside, content);
  renameSync(aside, path);
}
