// The sandbox as data: what the keeper is told. Mirrors crates/runtime/src/spec.rs, field by field.
// Plain JSON only; nothing here decides anything.

import type { Protocol } from "../network/index.ts";

export const SPEC_VERSION = 1;

/** One line of an id map: `size` ids from `inside` on are `outside` and the following. */
export interface IdMapping {
  inside: number;
  outside: number;
  size: number;
}

/** How to make the user's namespace U if none is alive, and the container's own under it (empty maps: it lives in U). */
export interface UserNamespaceSpec {
  userUidMap: IdMapping[];
  userGidMap: IdMapping[];
  newuidmap: string | null;
  newgidmap: string | null;
  containerUidMap: IdMapping[];
  containerGidMap: IdMapping[];
}

export type RootFilesystemSpec =
  | {
      kind: "overlay";
      lower: string[];
      upper: string;
      work: string;
      volatile: boolean;
      readonly: boolean;
      program: string | null;
    }
  | { kind: "directory"; path: string; readonly: boolean; propagation?: string };

export type MountSpec =
  | {
      kind: "bind";
      source: string;
      target: string;
      readonly: boolean;
      recursive: boolean;
      propagation: string;
      dev: boolean;
      suid: boolean;
      exec: boolean;
      chown?: boolean;
    }
  | {
      kind: "tmpfs";
      target: string;
      size: number | null;
      mode: number | null;
      readonly: boolean;
      exec: boolean;
      uid?: number;
      gid?: number;
      copyUp?: boolean;
    }
  | {
      kind: "volume";
      source: string;
      target: string;
      readonly: boolean;
      copyUp: boolean;
      subpath?: string;
      chown?: boolean;
    }
  | { kind: "device"; source: string; target: string; number?: [major: number, minor: number] }
  | {
      kind: "filesystem";
      /** `proc`, `sysfs`, `tmpfs`, `devpts`, `mqueue` or `cgroup2`. */
      fstype: string;
      target: string;
      /** mount(8)'s words. */
      attributes: string[];
      options: string[];
      copyUp: boolean;
    }
  | {
      kind: "image";
      lower: string[];
      place: string;
      root: string | null;
      target: string;
      readonly: boolean;
      subpath?: string;
    };

export interface OwnedFileSpec {
  name: string;
  target: string;
  content: string;
  /** What the container itself wrote outlives a start. */
  keepsChanges: boolean;
  /** The image's file comes before the content. */
  afterImage: boolean;
  mode: number;
  readonly: boolean;
}

/** Lines with `$UID` and the like, or our own. */
export interface AccountSpec {
  passwdEntry: string | null;
  groupEntry: string | null;
}

export interface CapabilitiesSpec {
  bounding: string[];
  nonRoot: string[];
  /** These instead. */
  sets?: { effective: string[]; permitted: string[]; inheritable: string[]; ambient: string[] };
}

export type SeccompSpec = { kind: "default" } | { kind: "unconfined" } | { kind: "profile"; profile: unknown };

/** -1 is unlimited. */
export interface RlimitSpec {
  name: string;
  soft: number;
  hard: number;
}

export interface ProcessSpec {
  args: string[];
  env: string[];
  cwd: string;
  user: string;
  groupAdd: string[];
  /** Those of the caller stay, and no others are set. */
  keepGroups: boolean;
  terminal: boolean;
  rows: number;
  columns: number;
  openStdin: boolean;
  stdinOnce: boolean;
  capabilities: CapabilitiesSpec;
  noNewPrivileges: boolean;
  seccomp: SeccompSpec;
  rlimits: RlimitSpec[];
  umask: number;
  oomScoreAdj: number | null;
  init: boolean;
  /** Numbers of descriptors that come along and stay open. */
  keptFds?: number[];
  personality?: number;
}

/** `true`: the container's own; `false`: the host's, or one that is joined. */
export interface NamespacesSpec {
  pid: boolean;
  ipc: boolean;
  uts: boolean;
  cgroup: boolean;
  time: boolean;
}

/** A namespace by its file. */
export interface NamespacePathSpec {
  kind: "cgroup" | "ipc" | "network" | "pid" | "time" | "user" | "uts";
  path: string;
}

/** A namespace of another container's first process, instead of an own one or the host's. */
export interface JoinSpec {
  kind: "pid" | "ipc" | "uts" | "network" | "cgroup" | "user";
  pid: number;
  startTime: number;
}

export type NetworkSpec = { kind: "none" } | { kind: "host" } | { kind: "shared" } | HelperSpec | BridgeSpec;

/** A program that is the way out: for one container, or for all that are on networks. */
export interface HelperSpec {
  kind: "slirp4netns" | "pasta";
  program: string;
  /** Its flags, beside those that its namespaces come with. */
  options: string[];
}

/** What leads out of the user's networks. */
export type WayOutSpec = { kind: "relay" } | HelperSpec;

/** On networks of the user's own. */
export interface BridgeSpec {
  kind: "bridge";
  networks: AttachmentSpec[];
  ports: { protocol: Protocol; host: string; hostPort: number; containerPort: number }[];
  /** The host's own loopback can be reached, at an address of its own. */
  hostLoopback: boolean;
  /** The container's own. */
  name: string;
  /** Asked for names that are not ours, instead of whom the host asks. */
  nameServers: string[];
  /** `ndots` was set: a name of one label is for the search list. */
  ndots: boolean;
  /** The first that this host can have serves all of the user's networks. */
  waysOut: WayOutSpec[];
}

export interface PrefixSpec {
  address: string;
  length: number;
}

/** A container's place on one network. */
export interface AttachmentSpec {
  network: BridgeNetworkSpec;
  interface: string;
  port: string;
  mac: string;
  addresses: PrefixSpec[];
  defaultGateways: string[];
  /** Further names that others on the network call it by. */
  names: string[];
  /** Names that only this container has for others on the network. */
  links?: { name: string; alias: string }[];
}

export interface BridgeNetworkSpec {
  name: string;
  bridge: string;
  mac: string;
  mtu: number;
  gateways: PrefixSpec[];
  internal: boolean;
  /** Its containers do not reach each other. */
  isolated?: true;
  /** Names are answered at its gateways. */
  resolver: boolean;
  routes: { destination: PrefixSpec; gateway: string; metric: number | null }[];
}

export type LogSpec = { kind: "none" } | { kind: "file"; maxSize: number; maxFiles: number };

export interface SandboxSpec {
  version: number;
  id: string;
  generation: number;
  containerDir: string;
  runtimeDir: string;
  userRuntimeDir: string;
  userNamespace: UserNamespaceSpec;
  root: RootFilesystemSpec;
  mounts: MountSpec[];
  files: OwnedFileSpec[];
  process: ProcessSpec;
  namespaces: NamespacesSpec;
  joins: JoinSpec[];
  network: NetworkSpec;
  hostname: string | null;
  domainname: string | null;
  sysctls: Record<string, string>;
  maskedPaths: string[];
  readonlyPaths: string[];
  /** `key=value`, for its own /proc. */
  procOptions: string[];
  sysWritable: boolean;
  shmSize: number;
  log: LogSpec;
  /** To be made. */
  cgroup: string | null;
  /** We are in a container ourselves: what its engine hides in /proc and /sys stays hidden. */
  nested: boolean;
  /** Names of sysctls, and `hostname`: what the container starts without where it is forbidden. */
  dispensable: string[];
  autoRemove: boolean;
  /** Seconds. */
  timeout: number | null;
  /** Whether the user is to be in passwd and group. */
  account: AccountSpec | null;
  /** Lines for passwd. */
  hostUsers: string[];
  /** The program that makes it, and its flags before the verb; absent: we do. */
  runtime?: { program: string; flags: string[] };
  /** Made from an OCI bundle: nothing is mounted but what `mounts` lists. */
  bundle?: { joins: NamespacePathSpec[] };
}

export interface ExecSpec {
  id: string;
  process: ProcessSpec;
}
