// Container model + host facts → SandboxSpec: every decision about a start, as printable data. Pure.

import { ALL_CAPABILITIES, parseCapability, planCapabilities } from "./capability.ts";
import { BunkerError } from "../errors.ts";
import { CONFIG_VERSION, type ContainerConfig } from "./config.ts";
import { mergeEnvironment } from "./environment.ts";
import {
  DEFAULT_OPEN_FILES,
  DEFAULT_SHM_SIZE,
  DEFAULT_UMASK,
  planConfinement,
  planMaskedPaths,
  planSysctls,
} from "./isolation.ts";
import { INIT_PLACE, type MountSources, planMounts } from "./mount-plan.ts";
import { planFiles } from "./own-files.ts";
import { type CreateRequest, type ExecRequest, KEEP_GROUPS } from "./request.ts";
import { planSpaces } from "./spaces.ts";
import { planKeepMap, type UsernsRequest } from "./userns.ts";
import type { DeviceRequest } from "../volume/index.ts";
import {
  type ExecSpec,
  type IdMapping,
  type JoinSpec,
  type NetworkSpec,
  type ProcessSpec,
  type RlimitSpec,
  type RootFilesystemSpec,
  SPEC_VERSION,
  type SandboxSpec,
  type UserNamespaceSpec,
} from "./sandbox-spec.ts";

/** What the host offers, read by the engine. */
export interface HostFacts {
  uid: number;
  gid: number;
  /** The user's subordinate ranges: `start` host ids from the first. Empty: single-id mode. */
  subuids: { start: number; count: number }[];
  subgids: { start: number; count: number }[];
  newuidmap: string | null;
  newgidmap: string | null;
  /** Hard limits, -1 unlimited. */
  hardOpenFiles: number;
  hardProcesses: number;
  hostname: string;
  /** The host's own files. */
  hosts: string;
  resolvConf: string;
  /** A cgroup v2 directory in which the user may make groups. */
  cgroup: string | null;
  /** What our own processes have, below which only root may go. */
  oomScoreAdj: number;
  /** We are in a container ourselves. */
  nested: boolean;
  /** Processors with a thermal_throttle directory. */
  throttledCpus: number[];
}

export interface ContainerPaths extends Omit<MountSources, "zone" | "devices" | "names"> {
  runtimeDir: string;
  userRuntimeDir: string;
  /** Layer directories, topmost first. */
  lower: string[];
  /** A directory that is the root as it is; `null`: an overlay of the layers. */
  root: string | null;
  /** The fuse-overlayfs that shows the overlay; `null`: the kernel does. */
  program: string | null;
}

export interface StartOptions {
  id: string;
  name: string;
  generation: number;
  network: NetworkSpec;
  /** Nodes of the host's that are to be there. */
  devices: DeviceRequest[];
  /** Of other containers. */
  joins: JoinSpec[];
  names: { source: string; target: string }[];
  rows: number;
  columns: number;
  /** The host's file of the time zone asked for. */
  zone: string | null;
  /** What /etc/hosts is to begin with: the content of a file of the host's. */
  hostsBase: string | null;
  /** The program that makes the container, if it is not us. */
  runtime?: NonNullable<SandboxSpec["runtime"]>;
}

/** docker's caps on what a log may take: 3 files of 10 MB. */
const LOG_MAX_SIZE = 10_000_000;
const LOG_MAX_FILES = 3;
/** As ps shows ids. */
const SHORT_ID = 12;

/** Everything the keeper is told for this start. */
export function planSandbox(
  config: ContainerConfig,
  host: HostFacts,
  paths: ContainerPaths,
  start: StartOptions,
): SandboxSpec {
  ensureVersion(config);
  const { request } = config;
  const userNamespace = planUserNamespace(host, request.userns);
  const usualSysctls = planSysctls(hostGidMap(userNamespace), start.network);
  const systemPaths = planConfinement(request, planMaskedPaths(host.throttledCpus, start.network));
  return {
    version: SPEC_VERSION,
    id: start.id,
    generation: start.generation,
    containerDir: paths.containerDir,
    runtimeDir: paths.runtimeDir,
    userRuntimeDir: paths.userRuntimeDir,
    userNamespace,
    root: planRoot(request, paths),
    mounts: planMounts(config, { ...paths, ...start }),
    files: planFiles(config, host, start),
    process: planProcess(config, host, start),
    namespaces: planSpaces(request),
    joins: start.joins,
    network: start.network,
    hostname: config.hostname,
    domainname: request.domainname,
    sysctls: { ...usualSysctls, ...request.sysctls },
    maskedPaths: systemPaths.masked,
    readonlyPaths: systemPaths.readonly,
    sysWritable: request.privileged ?? false,
    procOptions: request.confinement?.procOptions ?? [],
    shmSize: request.spaces?.ipc === "none" ? 0 : (request.shmSize ?? DEFAULT_SHM_SIZE),
    log: { kind: "file", maxSize: LOG_MAX_SIZE, maxFiles: LOG_MAX_FILES },
    cgroup: planGroup(host, start.id),
    nested: host.nested,
    dispensable: host.nested ? planDispensable(request, Object.keys(usualSysctls)) : [],
    autoRemove: request.autoRemove,
    timeout: request.timeout ?? null,
    account: request.account ?? null,
    hostUsers: request.hostUsers ?? [],
    ...(start.runtime === undefined ? {} : { runtime: start.runtime }),
  };
}

/** A container's own group; `null`: the user may make none. */
export function planGroup(host: HostFacts, id: string): string | null {
  return host.cgroup === null ? null : `${host.cgroup}/bunker-${id.slice(0, SHORT_ID)}`;
}

function planRoot({ autoRemove, readOnly }: CreateRequest, paths: ContainerPaths): RootFilesystemSpec {
  if (paths.root !== null) return { kind: "directory", path: paths.root, readonly: readOnly };
  return {
    kind: "overlay",
    lower: paths.lower,
    upper: `${paths.containerDir}/upper`,
    work: `${paths.containerDir}/work`,
    volatile: autoRemove,
    readonly: readOnly,
    program: paths.program,
  };
}

/** What nobody asked for: where an outer container's engine forbids it, the container starts without. */
function planDispensable(request: CreateRequest, usualSysctls: string[]): string[] {
  const named = request.hostname !== null || request.domainname !== null;
  const usual = usualSysctls.filter((name) => request.sysctls?.[name] === undefined);
  return named ? usual : [...usual, "hostname"];
}

/** A newer bunker's model may ask for what we would not do. */
function ensureVersion(config: ContainerConfig): void {
  if (config.version <= CONFIG_VERSION) return;
  throw new BunkerError("store", "the container was made by a newer bunker", { hint: "Use that newer bunker." });
}

/** The two levels: U maps 0 to the user and the rest to the subordinate ranges; the container's own repeats U extent by extent. */
export function planUserNamespace(host: HostFacts, userns?: UsernsRequest): UserNamespaceSpec {
  const userUidMap = planMap(host.uid, host.subuids);
  const userGidMap = planMap(host.gid, host.subgids);
  const mapped = userUidMap.length > 1 && userGidMap.length > 1;
  return {
    userUidMap: mapped ? userUidMap : userUidMap.slice(0, 1),
    userGidMap: mapped ? userGidMap : userGidMap.slice(0, 1),
    newuidmap: mapped ? host.newuidmap : null,
    newgidmap: mapped ? host.newgidmap : null,
    ...planContainerMaps({ uid: userUidMap, gid: userGidMap }, userns, mapped),
  };
}

/** The container's groups as the host's, its root's line first. */
function hostGidMap({ userGidMap, containerGidMap }: UserNamespaceSpec): IdMapping[] {
  if (containerGidMap.length === 0) return userGidMap;
  return containerGidMap.map((line) => {
    const home = userGidMap.findLast(({ inside }) => inside <= line.outside);
    return { ...line, outside: (home?.outside ?? 0) + line.outside - (home?.inside ?? 0) };
  });
}

type ContainerMaps = Pick<UserNamespaceSpec, "containerUidMap" | "containerGidMap">;

function planContainerMaps(
  user: { uid: IdMapping[]; gid: IdMapping[] },
  userns: UsernsRequest | undefined,
  mapped: boolean,
): ContainerMaps {
  if (userns?.kind === "host") return { containerUidMap: [], containerGidMap: [] };
  if (userns?.kind === "keep") {
    return { containerUidMap: planKeepMap(user.uid, userns.uid), containerGidMap: planKeepMap(user.gid, userns.gid) };
  }
  if (userns?.kind === "maps") return { containerUidMap: userns.uid, containerGidMap: userns.gid };
  const count = mapped ? undefined : 1;
  return {
    containerUidMap: identityMap(user.uid.slice(0, count)),
    containerGidMap: identityMap(user.gid.slice(0, count)),
  };
}

function planMap(own: number, ranges: { start: number; count: number }[]): IdMapping[] {
  const map: IdMapping[] = [{ inside: 0, outside: own, size: 1 }];
  let next = 1;
  for (const { start, count } of ranges) {
    map.push({ inside: next, outside: start, size: count });
    next += count;
  }
  return map;
}

function identityMap(map: IdMapping[]): IdMapping[] {
  return map.map(({ inside, size }) => ({ inside, outside: inside, size }));
}

type TerminalSize = Pick<StartOptions, "rows" | "columns">;

function planProcess(config: ContainerConfig, host: HostFacts, size: TerminalSize): ProcessSpec {
  const { request, process } = config;
  const { groupAdd = [] } = request;
  const keepGroups = groupAdd.includes(KEEP_GROUPS);
  const env = [...process.env];
  const { unset = [], unsetAll = false } = request.environment ?? {};
  const has = (key: string): boolean => env.some((entry) => entry.startsWith(`${key}=`));
  const lacks = (key: string): boolean => !(unsetAll || unset.includes(key) || has(key));
  if (lacks("HOSTNAME")) env.push(`HOSTNAME=${config.hostname}`);
  if (request.tty && lacks("TERM")) env.push("TERM=xterm");
  if (lacks("container")) env.push("container=bunker");
  return {
    args: [...initWords(request), ...process.entrypoint, ...process.command],
    env,
    cwd: process.workdir,
    user: process.user,
    groupAdd: keepGroups ? [] : groupAdd,
    keepGroups,
    terminal: request.tty,
    rows: size.rows,
    columns: size.columns,
    openStdin: request.openStdin,
    stdinOnce: request.stdinOnce,
    capabilities: planPrivileges(request),
    noNewPrivileges: request.noNewPrivileges,
    seccomp: planSeccomp(request),
    rlimits: planRlimits(request.ulimits, host),
    umask: request.umask ?? DEFAULT_UMASK,
    oomScoreAdj: request.oomScoreAdj === undefined ? null : Math.max(request.oomScoreAdj, host.oomScoreAdj),
    init: request.init && request.initPath === undefined,
    ...(request.personality === undefined ? {} : { personality: request.personality }),
  };
}

/** podman's way to start a command by way of an init. */
function initWords({ initPath }: CreateRequest): string[] {
  return initPath === undefined ? [] : [INIT_PLACE, "--"];
}

/** podman: privileged is everything but what was dropped; docker would take no notice of that. */
function planPrivileges({ privileged, capAdd, capDrop }: CreateRequest): ProcessSpec["capabilities"] {
  const dropsAll = capDrop.some((word) => parseCapability(word) === "ALL");
  return planCapabilities(privileged === true && !dropsAll ? ["ALL", ...capAdd] : capAdd, capDrop);
}

function planSeccomp({ seccomp, privileged }: CreateRequest): ProcessSpec["seccomp"] {
  if (seccomp === "default") return { kind: privileged === true ? "unconfined" : "default" };
  if (seccomp === "unconfined") return { kind: "unconfined" };
  return { kind: "profile", profile: seccomp.profile };
}

function planRlimits(asked: RlimitSpec[], host: HostFacts): RlimitSpec[] {
  const clamp = (hard: number): number => (hard < 0 ? DEFAULT_OPEN_FILES : Math.min(hard, DEFAULT_OPEN_FILES));
  const limits = new Map<string, RlimitSpec>();
  const set = (name: string, value: number): void => void limits.set(name, { name, soft: value, hard: value });
  set("NOFILE", clamp(host.hardOpenFiles));
  set("NPROC", clamp(host.hardProcesses));
  // A core dump is handed to the host's core_pattern, outside every namespace.
  set("CORE", 0);
  for (const { name, soft, hard } of asked) limits.set(name.toUpperCase(), { name: name.toUpperCase(), soft, hard });
  return [...limits.values()];
}

/** One more process: the container's own identity and limits, with what the request changes. */
export function planExec(
  config: ContainerConfig,
  host: HostFacts,
  request: ExecRequest,
  session: { id: string; rows: number; columns: number },
): ExecSpec {
  const { id, rows, columns } = session;
  const base = planProcess(config, host, session);
  const env = base.env.filter((entry) => !(entry.startsWith("TERM=") && !request.tty));
  if (request.tty && !env.some((entry) => entry.startsWith("TERM="))) env.push("TERM=xterm");
  return {
    id,
    process: {
      ...base,
      args: request.command,
      env: mergeEnvironment(env, request.env),
      cwd: request.workdir ?? base.cwd,
      user: request.user ?? base.user,
      // docker: all for root, and no more than the container's user has for anybody else.
      ...(request.privileged ? { capabilities: { ...base.capabilities, bounding: [...ALL_CAPABILITIES] } } : {}),
      terminal: request.tty,
      openStdin: request.openStdin,
      stdinOnce: true,
      init: false,
      ...(request.keptFds === undefined ? {} : { keptFds: request.keptFds }),
      rows,
      columns,
    },
  };
}
