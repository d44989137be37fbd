// Reads what src/host judges. Slow things are looked at here only: a container's start asks host.ts.

import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import type { HostReport, Mapper, Packager } from "../host/index.ts";
import { BunkerError } from "../errors.ts";
import { failedCall } from "../native/index.ts";
import type { KeeperChannel } from "./channel.ts";
import type { Engine } from "./engine.ts";
import { findProgram, readText, userName } from "./host.ts";
import { mountAbove, readMounts, sharedFilesystem } from "../store/index.ts";
import { hireKeeper } from "./start.ts";
import { storageChoice } from "./storage.ts";
import { chooseWayOut } from "./ways-out.ts";

const SETUID = 0o4000;
const DEFAULT_FIRST_PORT = 1024;
const PACKAGERS: Readonly<Record<Packager, string>> = {
  apt: "apt-get",
  dnf: "dnf",
  apk: "apk",
  pacman: "pacman",
  zypper: "zypper",
};
const CGROUPS = "/sys/fs/cgroup";

/** Everything `findAll` looks at, for this user. Makes a user namespace to see whether one can be made. */
export function readHostReport(engine: Engine): HostReport {
  const host = engine.host();
  const own = host.uid;
  const user = { uid: own, name: userName(own) ?? String(own) };
  const { cgroup } = host;
  return {
    user,
    userNamespaces: {
      maximum: readNumber("/proc/sys/user/max_user_namespaces"),
      mayClone: readSwitch("/proc/sys/kernel/unprivileged_userns_clone"),
      restricted: readSwitch("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
      ...tryNamespace(engine),
    },
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(readText("/proc/self/status")),
    subuid: readText("/etc/subuid"),
    subgid: readText("/etc/subgid"),
    mappers: [readMapper("newuidmap"), readMapper("newgidmap")],
    ownIds: own === 0 ? { uids: idCount(host.subuids), gids: idCount(host.subgids) } : null,
    nested: host.nested,
    storage: storageChoice(engine),
    cgroup: {
      version: existsSync(`${CGROUPS}/cgroup.controllers`) ? 2 : existsSync(`${CGROUPS}/memory`) ? 1 : 0,
      delegated: cgroup,
      controllers: cgroup === null ? [] : readText(`${cgroup}/cgroup.controllers`).trim().split(" "),
    },
    lingers: existsSync("/run/systemd/seats") ? existsSync(`/var/lib/systemd/linger/${user.name}`) : null,
    dataHome: readDataHome(engine.store.layout.dataHome),
    devices: { tun: mayUse("/dev/net/tun"), fuse: mayUse("/dev/fuse") },
    wayOut: wayOutHere(engine),
    pings: mayPing(),
    hasFuseOverlay: findProgram("fuse-overlayfs") !== null,
    firstFreePort: readNumber("/proc/sys/net/ipv4/ip_unprivileged_port_start") ?? DEFAULT_FIRST_PORT,
    procMounts: readMounts().flatMap(({ place }) => (place.startsWith("/proc/") ? [place] : [])),
    clock: Date.now() / 1000,
    packager: findPackager(),
  };
}

/** With root itself. */
function idCount(ranges: readonly { count: number }[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 1);
}

/** Goes into the user's namespace as a keeper does, and away again. @returns why it cannot; `null`: it can */
function tryNamespace(engine: Engine): Pick<HostReport["userNamespaces"], "failure" | "refused"> {
  const error = refusalOf(engine, () => {});
  return error === null ? { failure: null } : { failure: error.message, refused: failedCall(error) };
}

/** Tries what starts try. */
function wayOutHere(engine: Engine): HostReport["wayOut"] {
  return chooseWayOut(() => refusalOf(engine, (keeper) => keeper.request("probeRelay"))?.message ?? null);
}

/** What comes of asking a keeper that is there for nothing else. `null`: it could do it. */
function refusalOf(engine: Engine, ask: (keeper: KeeperChannel) => void): BunkerError | null {
  try {
    using keeper = hireKeeper(engine);
    keeper.settle();
    ask(keeper);
    return null;
  } catch (error) {
    if (error instanceof BunkerError) return error;
    throw error;
  }
}

/** Whether our group may have sockets that ping (icmp(7)). */
function mayPing(): boolean {
  const range = readText("/proc/sys/net/ipv4/ping_group_range").trim().split(/\s+/).map(Number);
  const [first = 1, last = 0] = range;
  const group = process.getgid?.() ?? 0;
  return first <= group && group <= last;
}

function readMapper(name: string): Mapper {
  const path = findProgram(name);
  return { name, path, privileged: path !== null && ((statSync(path).mode & SETUID) !== 0 || hasCapability(path)) };
}

/** Fedora and Arch give file capabilities instead, which only getxattr(2) shows: the try tells. */
function hasCapability(path: string): boolean {
  const result = Bun.spawnSync(["getcap", path], { stderr: "ignore" });
  return result.stdout.includes("cap_set");
}

function readDataHome(path: string): HostReport["dataHome"] {
  const mount = mountAbove(path, readMounts());
  const { bavail, bsize } = statfsSync(path);
  return {
    path,
    filesystem: mount?.filesystem ?? "unknown",
    options: mount?.options ?? [],
    freeBytes: bavail * bsize,
    shared: sharedFilesystem(path),
  };
}

function mayUse(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function findPackager(): Packager | null {
  const found = Object.entries(PACKAGERS).find(([, program]) => findProgram(program) !== null);
  return found === undefined ? null : (found[0] as Packager);
}

function readNumber(path: string): number | null {
  const text = readText(path).trim();
  return text === "" ? null : Number(text);
}

function readSwitch(path: string): boolean | null {
  const number = readNumber(path);
  return number === null ? null : number !== 0;
}
