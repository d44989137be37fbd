// What this host offers a container: ids, helper programs, limits. Read once per command, only by commands that start something.

import { accessSync, constants, existsSync, readFileSync, readlinkSync } from "node:fs";
import { type HelperPlan, type HostFacts, type NetworkSpec, planHelper } from "../container/index.ts";
import { BunkerError } from "../errors.ts";
import type { PortRequest } from "../network/index.ts";

const CGROUP_MOUNT = "/sys/fs/cgroup";
const TUN = "/dev/net/tun";
const CPUS = "/sys/devices/system/cpu";
/** More than any kernel is built for. */
const MAX_CPUS = 8192;
const SEARCH = ["/usr/bin", "/usr/local/bin", "/bin", "/usr/sbin", "/sbin"];

/** Reads the user's ranges, helper programs and limits. */
export function readHostFacts(): HostFacts {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const name = userName(uid);
  const limits = readText("/proc/self/limits");
  const mappers = uid === 0 && mapsItself() ? OWN_RIGHT : findMappers();
  const rangesOf = (file: "uid" | "gid"): IdRange[] => {
    // Ids that nobody can map for us are none.
    if (mappers === null) return [];
    if (uid === 0 && !isInitialNamespace()) return rangesBeyondRoot(readText(`/proc/self/${file}_map`));
    return subordinateRanges(readText(`/etc/sub${file}`), name, uid);
  };
  return {
    uid,
    gid,
    subuids: rangesOf("uid"),
    subgids: rangesOf("gid"),
    newuidmap: mappers?.newuidmap ?? null,
    newgidmap: mappers?.newgidmap ?? null,
    hardOpenFiles: hardLimit(limits, "Max open files"),
    hardProcesses: hardLimit(limits, "Max processes"),
    hostname: readText("/proc/sys/kernel/hostname").trim(),
    hosts: readText("/etc/hosts"),
    resolvConf: readText("/etc/resolv.conf"),
    cgroup: findDelegatedGroup(),
    oomScoreAdj: Number(readText("/proc/self/oom_score_adj")),
    nested: isNested(),
    throttledCpus: findThrottledCpus(),
  };
}

interface Mappers {
  newuidmap: string | null;
  newgidmap: string | null;
}

/** No programs: the process that makes the namespace writes its maps. */
const OWN_RIGHT: Mappers = { newuidmap: null, newgidmap: null };

function findMappers(): Mappers | null {
  const [newuidmap, newgidmap] = [findProgram("newuidmap"), findProgram("newgidmap")];
  return newuidmap === null || newgidmap === null ? null : { newuidmap, newgidmap };
}

/** capabilities(7): what it takes to map any id into a new user namespace, 0 among them. */
const MAPPING = ["setgid", "setuid", "setfcap"] as const;
const CAPABILITIES = { setgid: 6, setuid: 7, setfcap: 31 } as const;

/** Whether we have what it takes to map ids for another process. */
export function mapsItself(): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(readText("/proc/self/status"))?.[1] ?? "0"}`);
  return MAPPING.every((name) => (effective & (1n << BigInt(CAPABILITIES[name]))) !== 0n);
}

/** The host's own: every id there is. */
export function isInitialNamespace(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readText("/proc/self/uid_map"));
}

/** PROC_PID_INIT_INO (linux/proc_ns.h): the host's own namespace of processes. */
const HOST_PROCESSES = "pid:[4026531836]";

/** Whether we see the processes of a container only. */
export function isNested(): boolean {
  try {
    return readlinkSync("/proc/self/ns/pid") !== HOST_PROCESSES;
  } catch {
    return false;
  }
}

/** The variable by which root tells the one that it becomes who that is on the host. */
export const LEFT_ROOT = "BUNKER_LEFT_ROOT";

/** Root of the host itself. */
export function isRealRoot(uid: number): boolean {
  return uid === 0 && isInitialNamespace();
}

/** All ids that exist where we are root, as ranges (user_namespaces(7)); but 0, which is us. */
export function rangesBeyondRoot(map: string): { start: number; count: number }[] {
  return map.split("\n").flatMap((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    const start = Math.max(first, 1);
    const left = first + count - start;
    return line.trim() !== "" && left > 0 ? [{ start, count: left }] : [];
  });
}

/** The topmost group above us in which we may make groups and move between them (cgroups(7), Delegation); null with v1. */
function findDelegatedGroup(): string | null {
  // v1 and hybrid hosts have lines for other hierarchies, and no such file at the top.
  const own = /^0::(\/.*)$/m.exec(readText("/proc/self/cgroup"))?.[1];
  if (own === undefined || !existsSync(`${CGROUP_MOUNT}/cgroup.controllers`)) return null;
  let found: string | null = null;
  const parts = own.split("/").filter((part) => part !== "");
  for (let count = parts.length; count > 0; count--) {
    const group = [CGROUP_MOUNT, ...parts.slice(0, count)].join("/");
    if (!mayWrite(group) || !mayWrite(`${group}/cgroup.procs`)) break;
    found = group;
  }
  return found;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function findThrottledCpus(): number[] {
  // All processors have it or none.
  return existsSync(`${CPUS}/cpu0/thermal_throttle`) ? parseCpuList(readText(`${CPUS}/present`)) : [];
}

/** `0-3,8` → its numbers (cpuset(7), List format). */
export function parseCpuList(text: string): number[] {
  const ranges = [...text.trim().matchAll(/(\d+)(?:-(\d+))?/g)].map(([, first, last]) => [
    Number(first),
    Number(last ?? first),
  ]);
  return ranges.flatMap(([first = 0, last = 0]) =>
    Array.from({ length: Math.min(last - first + 1, MAX_CPUS) }, (_, at) => first + at),
  );
}

/** An executable in the usual places, whatever PATH says: what maps ids must not come from a directory the caller chose. */
export function findProgram(program: string): string | null {
  for (const directory of SEARCH) {
    const path = `${directory}/${program}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}

type IdRange = HostFacts["subuids"][number];

/** Lines `name:start:count` of subuid(5) that are this user's, by name or by number. */
export function subordinateRanges(text: string, name: string | null, uid: number): IdRange[] {
  const ranges: IdRange[] = [];
  for (const line of text.split("\n")) {
    const [owner, start, count] = line.trim().split(":");
    if (owner !== name && owner !== String(uid)) continue;
    const range = { start: Number(start), count: Number(count) };
    if (Number.isSafeInteger(range.start) && Number.isSafeInteger(range.count) && range.count > 0) ranges.push(range);
  }
  return ranges;
}

/** By /etc/passwd alone: a directory service cannot be asked without its libraries. */
export function userName(uid: number): string | null {
  for (const line of readText("/etc/passwd").split("\n")) {
    const [name, , id] = line.split(":");
    if (id === String(uid) && name !== undefined) return name;
  }
  return null;
}

function hardLimit(limits: string, label: string): number {
  const line = limits.split("\n").find((candidate) => candidate.startsWith(label));
  const hard = line?.slice(label.length).trim().split(/\s+/)[1];
  return hard === undefined || hard === "unlimited" ? -1 : Number(hard);
}

/** Empty when it is not there or not ours to read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Why there are no networks here, nor any other way out; `null`: nothing is known to be in the way. */
export function lackOfNetworks(): string | null {
  return mayWrite(TUN) ? null : `${TUN} is missing or not yours to use (modprobe tun)`;
}

/** Of a container that is on no network of the user's. @throws BunkerError host-refused */
export function resolveNetwork(asked: string, ports: readonly PortRequest[]): NetworkSpec {
  if (asked.startsWith("container:")) return { kind: "shared" };
  if (asked === "host" || asked === "none") return { kind: asked };
  const helper = planHelper(asked, ports);
  if (helper === null) throw new BunkerError("usage", `--network ${asked}: there is no such mode`);
  const program = findProgram(helper.kind);
  const lack = program === null ? "the program is not installed" : lackOfHelper(helper.kind);
  if (program === null || lack !== null) {
    throw new BunkerError("host-refused", `--network ${asked}: ${lack}`, {
      hint: "Leave out --network: bunker needs no program for its networks.",
    });
  }
  return { ...helper, program };
}

function lackOfHelper(kind: HelperPlan["kind"]): string | null {
  const isStranded = kind === "pasta" && !hasDefaultRoute();
  return (
    lackOfNetworks() ?? (isStranded ? "the host has no default route now, without which pasta does not work" : null)
  );
}

/** A route to everywhere in /proc/net/route or ipv6_route (all zeros, by another device than the loopback one). */
function hasDefaultRoute(): boolean {
  const routes = readText("/proc/net/route");
  const routes6 = readText("/proc/net/ipv6_route");
  return /^\S+\t0{8}\t\S+(?:\t\S+){4}\t0{8}\t/m.test(routes) || /^0{32} 00 .* (?!lo$)\S+$/m.test(routes6);
}

/** The boot this is: containers of another one are not running, whatever their files say. */
export function readBootId(): string {
  return readText("/proc/sys/kernel/random/boot_id").trim();
}

/** Field 22 of proc_pid_stat(5), counted from behind the name, which may hold anything. */
const START_TIME = 19;

/** Whether a process is the one that was recorded: same pid and start time. */
export function isSameProcess(pid: number, startTime: number): boolean {
  const fields = statFields(pid);
  const state = fields[0];
  return fields[START_TIME] === String(startTime) && state !== "Z" && state !== "X";
}

/** When the process of this number started, in clock ticks after boot; `null`: there is none. */
export function startTimeOf(pid: number): number | null {
  const text = statFields(pid)[START_TIME];
  return text === undefined ? null : Number(text);
}

function statFields(pid: number): string[] {
  const stat = readText(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
