// The processes of a container, from the host's /proc: nothing of the container is run or believed.

import { readdirSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { readText } from "./host.ts";
import { readKeeperState, viewContainer } from "./view.ts";

export { askHostPs } from "./host-ps.ts";

/** USER_HZ, which the kernel's interface fixes at 100 (proc(5)). */
const TICKS_PER_SECOND = 100;
/** Major number of pseudoterminals (devices.txt). */
const PSEUDOTERMINALS = 136;

export interface ProcessFacts {
  pid: number;
  parent: number;
  /** Its number in the innermost pid namespace. */
  insidePid: number;
  /** 0: its parent is not in there. */
  insideParent: number;
  group: number;
  /** As the container sees it. */
  uid: number;
  gid: number;
  realUid: number;
  realGid: number;
  hostUid: number;
  hostGid: number;
  nice: number;
  /** A letter of proc_pid_stat(5). */
  state: string;
  /** Mode of seccomp(2). */
  seccomp: number;
  /** Sets in hexadecimal (capabilities(7)), by their names in proc_pid_status(5): `CapEff`. */
  capabilities: Readonly<Record<string, string>>;
  /** KiB. */
  size: number;
  resident: number;
  /** Seconds since 1970. */
  startedAt: number;
  /** Seconds of processor time. */
  cpu: number;
  /** Percent of one processor since its start. */
  share: number;
  terminal: string | null;
  /** The name the kernel has for it. */
  name: string;
  /** Words; none of a kernel thread or a zombie. */
  words: string[];
}

/** All that live in a running container, its own first process first. @throws BunkerError not-running in docker's words */
export function listProcesses(engine: Engine, name: string): ProcessFacts[] {
  const { record, status, pid } = viewContainer(engine, name);
  if (status !== "running") {
    throw new BunkerError("not-running", `container ${record.id} is not running`, {
      hint: `\`bunker start ${record.name}\` starts it.`,
    });
  }
  const state = readKeeperState(engine.store.layout.runtime(record.id));
  const all = new Map(readAll().map((found) => [found.pid, found]));
  // Execs are the keeper's children, all others descend from the first process; so do its helpers, which are ours.
  const roots = new Set([pid, state?.keeperPid ?? pid]);
  const own = new Set([state?.keeperPid, state?.helper?.pid, state?.rootHelper?.pid]);
  const belongs = (found: Found): boolean => {
    for (let at: Found | undefined = found; at !== undefined; at = all.get(at.parent)) {
      if (at.pid === pid) return true;
      if (own.has(at.pid)) return false;
      if (roots.has(at.parent)) return true;
    }
    return false;
  };
  // Siblings have one parent.
  const read = new Map<number, Status>();
  const statusOf = (of: number): Status => {
    const found = read.get(of) ?? readStatus(of);
    read.set(of, found);
    return found;
  };
  const boot = Number(/^btime (\d+)/m.exec(readText("/proc/stat"))?.[1] ?? 0);
  const uptime = Number(readText("/proc/uptime").split(" ")[0]);
  return [...all.values()]
    .filter(belongs)
    .sort((a, b) => Number(b.pid === pid) - Number(a.pid === pid) || a.pid - b.pid)
    .map((found) => describe(found, { boot, uptime, statusOf }));
}

/** The interesting fields of proc_pid_stat(5). */
interface Found {
  pid: number;
  name: string;
  parent: number;
  state: string;
  nice: number;
  terminal: number;
  ticks: number;
  start: number;
}

function readAll(): Found[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const stat = readText(`/proc/${entry}/stat`);
    const end = stat.lastIndexOf(")");
    if (end < 0) return [];
    const fields = stat
      .slice(end + 2)
      .split(" ")
      .map(Number);
    const [, parent = 0, , , terminal = 0] = fields;
    const [user = 0, system = 0] = fields.slice(11, 13);
    const name = stat.slice(stat.indexOf("(") + 1, end);
    const [state = "?", nice = 0, start = 0] = [stat[end + 2], fields[16], fields[19]];
    return [{ pid: Number(entry), name, parent, state, nice, terminal, ticks: user + system, start }];
  });
}

interface Around {
  boot: number;
  uptime: number;
  statusOf: (pid: number) => Status;
}

function describe(found: Found, { boot, uptime, statusOf }: Around): ProcessFacts {
  const { pid, parent, state, nice, name, terminal, ticks, start } = found;
  const status = statusOf(pid);
  const numbers = (field: string): number[] => (status[field] ?? "").split("\t").map(Number);
  const [realUid = 0, hostUid = 0] = numbers("Uid");
  const [realGid = 0, hostGid = 0] = numbers("Gid");
  const [uids, gids] = [readText(`/proc/${pid}/uid_map`), readText(`/proc/${pid}/gid_map`)];
  const cpu = ticks / TICKS_PER_SECOND;
  const age = uptime - start / TICKS_PER_SECOND;
  return {
    pid,
    parent,
    insidePid: numbers("NSpid").at(-1) ?? pid,
    insideParent: insideNumber(statusOf(parent), numbers("NSpid").length),
    group: numbers("NSpgid").at(-1) ?? 0,
    uid: insideId(uids, hostUid),
    gid: insideId(gids, hostGid),
    realUid: insideId(uids, realUid),
    realGid: insideId(gids, realGid),
    hostUid,
    hostGid,
    nice,
    state,
    seccomp: Number(status["Seccomp"] ?? 0),
    capabilities: status,
    size: Number.parseInt(status["VmSize"] ?? "0", 10),
    resident: Number.parseInt(status["VmRSS"] ?? "0", 10),
    startedAt: boot + start / TICKS_PER_SECOND,
    cpu,
    share: age > 0 ? Math.floor((100 * cpu) / age) : 0,
    terminal: terminalName(terminal),
    name,
    words: readText(`/proc/${pid}/cmdline`).split("\0").slice(0, -1),
  };
}

/** Minor numbers lie in two pieces (makedev(3)). */
function terminalName(device: number): string | null {
  const major = (device >> 8) & 0xf_ff;
  const minor = (device & 0xff) | ((device >> 12) & 0xff_f0_0);
  return major >= PSEUDOTERMINALS && major < PSEUDOTERMINALS + 8 ? `pts/${minor}` : null;
}

/** Fields of proc_pid_status(5). */
type Status = Readonly<Record<string, string>>;

function readStatus(pid: number): Status {
  const lines = readText(`/proc/${pid}/status`).matchAll(/^(\w+):[\t ]*(.*)$/gm);
  return Object.fromEntries(Array.from(lines, ([, name = "", value = ""]) => [name, value]));
}

/** In the namespace that is `depth` below ours; 0: it is not there. */
function insideNumber(status: Status, depth: number): number {
  return Number((status["NSpid"] ?? "").split("\t")[depth - 1] ?? 0);
}

/** An effective id by the process's own map (user_namespaces(7)), whose outside is what we see. */
function insideId(map: string, id: number): number {
  for (const line of map.split("\n")) {
    const [inside = 0, outside = 0, size = 0] = line.trim().split(/\s+/).map(Number);
    if (id >= outside && id < outside + size) return inside + id - outside;
  }
  return id;
}
