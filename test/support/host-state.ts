// I4: what an engine could leave behind on a host: processes, mounts, cgroups, files in shared places. Read from /proc and
// the private host's own view, by the cgroup everything the test started lives in.

import { type Dirent, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

import type { TestEnv } from "./environment.ts";
import { entriesOf, listing } from "./store-dump.ts";
import { RUNTIME_ENTRIES, RUNTIME_STAYS } from "./store-layout.ts";

export interface HostState {
  /** "pid:start command line", zombies left out. */
  processes: string[];
  mounts: string[];
  groups: string[];
  /** Listening TCP ports and bound UDP ports of those processes. */
  ports: string[];
  /** Entries of /tmp and /dev/shm. */
  temporary: string[];
  /** What single containers and operations have in the runtime directory. */
  runtime: string[];
}

const LISTEN = "0A";
const START_TIME_FIELD = 19;

export function readHostState(env: TestEnv): HostState {
  const pids = processesOf(env);
  return {
    processes: pids.flatMap((pid) => describeProcess(pid) ?? []),
    mounts: mountsOf(env),
    groups: groupsOf(env).map(({ name }) => name),
    ports: portsOf(env, pids),
    temporary: [
      ...listing(env.temporaryDirectory).map((name) => `/tmp/${name}`),
      ...listing(env.host.view("/dev/shm")).map((name) => `/dev/shm/${name}`),
    ].sort(),
    runtime: runtimeOf(env),
  };
}

/** Every process in the test's cgroups. */
export function processesOf(env: TestEnv): number[] {
  const pids = groupsOf(env).flatMap(({ path }) => readOr(join(path, "cgroup.procs"), "").split("\n"));
  return pids.filter((text) => text !== "" && text !== "0").map(Number);
}

/** None, where the group has gone since it was seen. */
function groupsIn(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function groupsOf({ host }: TestEnv): { name: string; path: string }[] {
  if (host.group === null) throw new Error("leaks can be seen only by cgroup v2, which this machine lacks");
  const walk = (path: string, name: string): { name: string; path: string }[] => {
    const folders = groupsIn(path);
    return [{ name, path }, ...folders.flatMap((entry) => walk(join(path, entry.name), `${name}/${entry.name}`))];
  };
  return walk(host.view(host.group), "");
}

function describeProcess(pid: number): string | null {
  // proc_pid_stat(5): the name, in parentheses, may hold anything; the state is the first field after it.
  const fields =
    readOr(`/proc/${pid}/stat`, "")
      .split(/\) (?=[A-Z] )/)
      .at(-1)
      ?.split(" ") ?? [];
  if (fields.length < START_TIME_FIELD || fields[0] === "Z" || fields[0] === "X") return null;
  return `${pid}:${fields[START_TIME_FIELD]} ${commandLine(pid).join(" ")}`;
}

export function commandLine(pid: number): string[] {
  return readOr(`/proc/${pid}/cmdline`, "").split("\0").slice(0, -1);
}

/** The host's mount namespace, and the machine's as far as it touches the test's files. */
function mountsOf({ host }: TestEnv): string[] {
  const withoutIds = (line: string) => line.split(" ").slice(3).join(" ");
  const inside = readOr(`/proc/${host.pid}/mountinfo`, "").split("\n").map(withoutIds);
  const outside = readOr("/proc/self/mountinfo", "")
    .split("\n")
    .filter((line) => line.includes(host.base));
  return [...inside, ...outside.map((line) => `outside: ${withoutIds(line)}`)].sort();
}

function portsOf({ host }: TestEnv, pids: number[]): string[] {
  const sockets = new Set(pids.flatMap(socketsOf));
  return ["tcp", "tcp6", "udp", "udp6"].flatMap((table) => {
    const rows = readOr(`/proc/${host.pid}/net/${table}`, "")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
    const bound = rows.filter((row) => table.startsWith("udp") || row[3] === LISTEN);
    return bound.filter((row) => sockets.has(row[9] ?? "")).map((row) => `${table} ${row[1]}`);
  });
}

/** Inode numbers of a process's sockets. */
function socketsOf(pid: number): string[] {
  return descriptorsOf(pid).flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return []; // it ended
  }
}

function runtimeOf({ dataHome }: TestEnv): string[] {
  return RUNTIME_ENTRIES.flatMap((glob) => entriesOf(dataHome, glob)).filter((path) => !RUNTIME_STAYS.test(path));
}

/** A process may end, and a file go, while we read. */
function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
