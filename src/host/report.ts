// What is known of a host, as far as containers care: plain facts, read by the engine.

export interface HostReport {
  user: { name: string; uid: number };
  /** The limits on user namespaces; `null`: this kernel has no such switch. */
  userNamespaces: {
    maximum: number | null;
    /** Debian's kernel.unprivileged_userns_clone. */
    mayClone: boolean | null;
    /** Ubuntu's kernel.apparmor_restrict_unprivileged_userns. */
    restricted: boolean | null;
    /** What came of making one: the failure, `null` when it was made. */
    failure: string | null;
    /** The system call that failed then. */
    refused?: { call: string; errno: number } | null;
  };
  /** Setuid programs have no effect on us (PR_SET_NO_NEW_PRIVS). */
  noNewPrivileges: boolean;
  /** Contents of subuid(5) and subgid(5). */
  subuid: string;
  subgid: string;
  mappers: Mapper[];
  /** How many ids root of a user namespace maps by its own right; `null`: that is not us. */
  ownIds: { uids: number; gids: number } | null;
  /** We are in a container ourselves. */
  nested: boolean;
  /** How containers get their roots, and why so. */
  storage: { driver: "overlay" | "fuse-overlayfs" | "copy"; why: string };
  cgroup: { version: 0 | 1 | 2; delegated: string | null; controllers: string[] };
  /** Whether the user's processes outlive the session; `null`: no systemd-logind that would end them. */
  lingers: boolean | null;
  /** `shared`: what shares its files between machines is called. */
  dataHome: { path: string; filesystem: string; options: string[]; freeBytes: number; shared: string | null };
  /** May be read and written. */
  devices: { tun: boolean; fuse: boolean };
  /** What leads out of the user's networks, or `null`; and why the relay cannot, which needs no program. */
  wayOut: { chosen: "relay" | "slirp4netns" | "pasta" | null; why: string; relayFailure: string | null };
  /** Our group may ping. */
  pings: boolean;
  /** fuse-overlayfs is installed. */
  hasFuseOverlay: boolean;
  /** The first port an ordinary user may listen on. */
  firstFreePort: number;
  /** What somebody has mounted over files of /proc. */
  procMounts: string[];
  /** Seconds since 1970. */
  clock: number;
  packager: Packager | null;
}

/** newuidmap(1) or newgidmap(1). */
export interface Mapper {
  name: string;
  path: string | null;
  /** Setuid root, or holding a file capability. */
  privileged: boolean;
}

export type Packager = "apt" | "dnf" | "apk" | "pacman" | "zypper";

export type Level = "ok" | "warning" | "problem";

/** One check's answer. */
export interface Finding {
  check: string;
  level: Level;
  /** What is the case, in a sentence without a full stop. */
  cause: string;
  /** Where one can see it. */
  evidence: string | null;
  /** Commands for root that mend it. */
  fix: string[];
}
