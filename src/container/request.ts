// What a user asks of a container, after the words were parsed and before anything is decided.
// Every field is explicit: `null` means "not said".

import type { UsernsRequest } from "./userns.ts";
import type { Platform } from "../image/index.ts";
import type { EndpointConfig, PortRequest } from "../network/index.ts";
import type { DeviceRequest, MountRequest, VolumesFrom } from "../volume/index.ts";

/** Among groups: those of the caller, as they are (podman's word). */
export const KEEP_GROUPS = "keep-groups";

/** `newer` is podman's: as `always`, but what is here will do where the registry fails. */
export type PullPolicy = "always" | "missing" | "never" | "newer";

/** -1 is unlimited. */
export interface UlimitRequest {
  name: string;
  soft: number;
  hard: number;
}

/** `docker create`, typed. What is here is what a container's config.json keeps of the request. */
export interface CreateRequest {
  image: string;
  /** Words after the image; empty: the image's. */
  command: string[];
  name: string | null;
  hostname: string | null;
  domainname: string | null;
  /** `KEY=value`, host values already filled in, in order. */
  env: string[];
  workdir: string | null;
  user: string | null;
  /** `[]` after `--entrypoint ""`: the image's entrypoint and command are both dropped. */
  entrypoint: string[] | null;
  labels: Record<string, string>;
  mounts: MountRequest[];
  readOnly: boolean;
  capAdd: string[];
  capDrop: string[];
  noNewPrivileges: boolean;
  /** `default`, `unconfined`, or a docker JSON profile already read and parsed. */
  seccomp: "default" | "unconfined" | { profile: unknown };
  ulimits: UlimitRequest[];
  /**
   * `default` is resolved at each start; else `none`, `host`, `container:ID`, `ns:PATH`, `slirp4netns`, `pasta`, or the first of
   * `networks`.
   */
  network: string;
  init: boolean;
  stopSignal: string | null;
  /** Seconds. */
  stopTimeout: number | null;
  tty: boolean;
  openStdin: boolean;
  /** Standard input ends with the first client that was attached to it. */
  stdinOnce: boolean;
  autoRemove: boolean;
  /** And its image, unless others use it. */
  removeImage?: true;
  /** Streams named by -a; `null`: what -d, -i and -t imply. */
  attach: ("stdin" | "stdout" | "stderr")[] | null;
  platform: Platform | null;
  pull: PullPolicy;
  /** From here on: not there unless something was said. */
  names?: NameSettings;
  /** Or `KEEP_GROUPS` alone. */
  groupAdd?: string[];
  /** Bytes. */
  shmSize?: number;
  annotations?: Record<string, string>;
  /** `80/tcp`, besides the image's. */
  exposed?: string[];
  /** A user that the image does not know gets an entry in its passwd and group. */
  account?: { passwdEntry: string | null; groupEntry: string | null };
  confinement?: ConfinementSettings;
  environment?: EnvironmentSettings;
  /** Lines of the host's passwd for the container's. */
  hostUsers?: string[];
  noHealthcheck?: boolean;
  oomScoreAdj?: number;
  /** Of its own namespaces, by name. */
  sysctls?: Record<string, string>;
  /** Seconds after its start it is killed. */
  timeout?: number;
  /** `local`, or a file's name below the host's zoneinfo. */
  timezone?: string;
  umask?: number;
  devices?: DeviceRequest[];
  privileged?: boolean;
  /** Namespaces that are not the usual ones: `host`, `container:ID`, and of ipc `none` and `shareable`. */
  spaces?: { pid?: string; ipc?: string; uts?: string; cgroup?: string; user?: string };
  userns?: UsernsRequest;
  /** Networks of the user's that it is on from the first; a container that was made before there were any has none. */
  networks?: NetworkUse[];
  ports?: PortRequest[];
  /** All that the image exposes is published. */
  publishAll?: boolean;
  volumesFrom?: VolumesFrom[];
  /** The OCI runtime that makes it, by a name in PATH or an absolute path, and its flags. */
  runtime?: { name: string; flags: string[] };
  /** Instead of an image, whose name is empty then. */
  rootfs?: RootfsRequest;
  /** What becomes of the image's volumes, if they are not to be volumes. */
  imageVolumes?: "tmpfs" | "ignore";
  /** The host's program for `init`, instead of ours. Absolute. */
  initPath?: string;
  /** Of personality(2). */
  personality?: number;
  /** Where the PIDs of its process and its keeper are written. Absolute. */
  pidFile?: string;
  keeperPidFile?: string;
  /** Containers that are started first: names, and ids once it is made. */
  requires?: string[];
  /** Places inside that have the files of names too. */
  chrootDirectories?: string[];
}

/** A directory of the host's that is a container's root. */
export interface RootfsRequest {
  /** Absolute. */
  path: string;
  /** What the container writes is its own, and the directory stays as it is. */
  overlay: boolean;
}

/** A network by its name, or its id once it was found. */
export interface NetworkUse extends EndpointConfig {
  network: string;
}

/** What /etc/hosts, /etc/hostname and /etc/resolv.conf are to say. */
export interface NameSettings {
  /** In docker's form, `name:address`. */
  extraHosts: string[];
  dns: string[];
  dnsSearch: string[];
  dnsOptions: string[];
  /** Leave the image's file. */
  noHosts: boolean;
  noHostname: boolean;
  /** What /etc/hosts begins with: a file of the host's by its path, `image` the image's own, `none` nothing. */
  hostsFile?: string;
}

/** The rest of --security-opt. */
export interface ConfinementSettings {
  /** Those to be shown, as `key=value`. */
  words: string[];
  /** Hidden besides the usual. */
  masked: string[];
  /** Patterns of what is neither hidden nor read-only, or `EVERYTHING`. */
  unmasked: string[];
  /** `hidepid=2`: options of the container's /proc. */
  procOptions: string[];
}

/** What becomes of the variables that the request does not name itself. */
export interface EnvironmentSettings {
  /** Of the caller's, `KEY=value`: below the image's. */
  host: string[];
  /** `KEY=value` with references to others; for what the image has. */
  merge: string[];
  unset: string[];
  unsetAll: boolean;
}

/** `docker exec`, typed. */
export interface ExecRequest {
  container: string;
  command: string[];
  env: string[];
  user: string | null;
  workdir: string | null;
  tty: boolean;
  openStdin: boolean;
  /** With all capabilities. */
  privileged: boolean;
  detach: boolean;
  detachKeys: string | null;
  /** Descriptors of the caller's that it is to have. */
  keptFds?: number[];
}
