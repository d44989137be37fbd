// The processes of a container, from the host's /proc: nothing of the container is run or believed.

import { readdirSync } from "node:fs";
import { BunkerError } from "../errors.ts";
import type { Engine } from "./engine.ts";
import { readText } from "./host.ts";
import { readKeeperState, viewContainer } from "./view.ts";

/** USER_HZ, which the kernel's interface fixes at 100 (proc(5)). */
const TICKS_PER_SECOND = 100;
/** Major number of pseudoterminals (devices.txt). */
const PSEUDOTERMINALS = 136;

export interface ProcessFacts {
  pid: number;
  parent: number;
  /** As the container sees it. */
  uid: number;
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
  // Execs are the keeper's children, all others descend from the first process; so does the network's helper, which is ours.
  const roots = new Set([pid, state?.keeperPid ?? pid]);
  const own = new Set([state?.keeperPid, state?.helper?.pid]);
  const belongs = (found: Found): boolean => {
    for (let at: Found | undefined = found; at !== undefined; at = all.get(at.parent)) {
      if (at.pid === pid) return true;
      if (own.has(at.pid)) return false;
      if (roots.has(at.parent)) return true;
    }
    return false;
  };
  const boot = Number(/^btime (\d+)/m.exec(readText("/proc/stat"))?.[1] ?? 0);
  const uptime = Number(readText("/proc/uptime").split(" ")[0]);
  return [...all.values()]
    .filter(belongs)
    .sort((a, b) => Number(b.pid === pid) - Number(a.pid === pid) || a.pid - b.pid)
    .map((found) => describe(found, { boot, uptime }));
}

/** The interesting fields of proc_pid_stat(5). */
interface Found {
  pid: number;
  name: string;
  parent: number;
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
    return [{ pid: Number(entry), name, parent, terminal, ticks: user + system, start: fields[19] ?? 0 }];
  });
}

function describe(found: Found, { boot, uptime }: { boot: number; uptime: number }): ProcessFacts {
  const { pid, parent, name, terminal, ticks, start } = found;
  const cpu = ticks / TICKS_PER_SECOND;
  const age = uptime - start / TICKS_PER_SECOND;
  return {
    pid,
    parent,
    uid: insideUid(pid),
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

/** The effective user by the process's own map (user_namespaces(7)), whose outside is what we see. */
function insideUid(pid: number): number {
  const uid = Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? 0);
  for (const line of readText(`/proc/${pid}/uid_map`).split("\n")) {
    const [inside = 0, outside = 0, size = 0] = line.trim().split(/\s+/).map(Number);
    if (uid >= outside && uid < outside + size) return inside + uid - outside;
  }
  return uid;
}
