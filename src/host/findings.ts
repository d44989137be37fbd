// The causes of what goes wrong on the way to a container, each with its evidence and the command that mends it. Pure: facts in,
// findings out. `bunker doctor` shows all of them, a failed start the first that explains it.

import { NO_NAMESPACES_LEFT, refusalOf, setting, UNMASKED } from "./causes.ts";
import { subordinateFindings } from "./subordinate.ts";
import type { Finding, HostReport, Packager } from "./report.ts";

const GIB = 1 << 30;
const FIRST_ORDINARY_PORT = 1024;
/** Enough namespaces for some hundred containers. */
const WANTED_NAMESPACES = 1024;
/** Past what any certificate of today says. */
const LATEST_CLOCK = 3_471_292_800;
/** 2026-01-01: no bunker is older, so a clock before that is wrong. */
const EARLIEST_CLOCK = 1_767_225_600;
const WANTED_CONTROLLERS = ["cpu", "memory", "pids"];

const SHOWN_MOUNTS = 3;

/** All checks, in the order in which a container needs what they look at. */
export function findAll(report: HostReport): Finding[] {
  return [
    userNamespaces(report),
    mappers(report),
    ...subordinateFindings(report),
    procFiles(report),
    dataHome(report),
    storage(report),
    freeSpace(report),
    cgroups(report),
    lingering(report),
    wayOut(report),
    pinging(report),
    fuse(report),
    lowPorts(report),
    clock(report),
  ];
}

/** The finding that explains why a container could not be started, if there is one. */
export function firstProblem(report: HostReport): Finding | null {
  return findAll(report).find(({ level }) => level === "problem") ?? null;
}

export function ok(check: string, cause: string): Finding {
  return { check, level: "ok", cause, evidence: null, fix: [] };
}

function userNamespaces({ userNamespaces: state, user }: HostReport): Finding {
  const check = "user namespaces";
  const problem = (cause: string, evidence: string, fix: string[]): Finding => ({
    check,
    level: "problem",
    cause,
    evidence,
    fix,
  });
  if (state.maximum !== null && state.maximum < WANTED_NAMESPACES) {
    const evidence = `/proc/sys/user/max_user_namespaces is ${state.maximum}`;
    return problem(NO_NAMESPACES_LEFT.cause, evidence, NO_NAMESPACES_LEFT.fix);
  }
  if (state.mayClone === false) {
    const evidence = "/proc/sys/kernel/unprivileged_userns_clone is 0";
    return problem("ordinary users may make none", evidence, setting("kernel.unprivileged_userns_clone=1"));
  }
  if (state.failure === null) return ok(check, "an ordinary user can make them");
  if (state.restricted === true) {
    return problem(
      "AppArmor lets only programs with a profile make them",
      `/proc/sys/kernel/apparmor_restrict_unprivileged_userns is 1; ${state.failure}`,
      setting("kernel.apparmor_restrict_unprivileged_userns=0"),
    );
  }
  const known =
    (state.refused ?? null) === null ? null : refusalOf({ call: "", errno: 0, ...state.refused, uid: user.uid });
  return problem(known?.cause ?? "making one failed", state.failure, known?.fix ?? []);
}

function mappers({ mappers: programs, packager, ownIds, noNewPrivileges }: HostReport): Finding {
  const check = "newuidmap and newgidmap";
  if (ownIds !== null) return ok(check, "not needed: root here maps ids itself");
  const missing = programs.filter(({ path }) => path === null).map(({ name }) => name);
  if (missing.length > 0) {
    return {
      check,
      level: "warning",
      cause: "without them a container has one user id",
      evidence: `not installed: ${missing.join(", ")}`,
      fix: install(packager, {
        apt: "uidmap",
        dnf: "shadow-utils",
        apk: "shadow-uidmap",
        pacman: "shadow",
        zypper: "shadow",
      }),
    };
  }
  const powerless = programs.flatMap(({ path, privileged }) => (path !== null && !privileged ? [path] : []));
  if (powerless.length === 0 && noNewPrivileges) {
    return {
      check,
      level: "problem",
      cause: "they are installed, but nothing that is started here gains rights",
      evidence: "NoNewPrivs in /proc/self/status is 1",
      fix: [],
    };
  }
  if (powerless.length === 0) return ok(check, "installed, with the rights they need");
  return {
    check,
    level: "problem",
    cause: "they are installed without the rights they need",
    evidence: `neither setuid root nor with a capability: ${powerless.join(", ")}`,
    fix: [`chmod u+s ${powerless.join(" ")}`],
  };
}

function procFiles({ procMounts, nested }: HostReport): Finding {
  const check = "/proc";
  if (procMounts.length === 0) return ok(check, "whole: a container can have one of its own");
  if (nested) {
    return {
      check,
      level: "warning",
      cause:
        "this is a container itself, and its /proc is what containers in here have as well, processes outside of them included",
      evidence: `mounted over: ${procMounts.slice(0, SHOWN_MOUNTS).join(", ")}`,
      fix: [],
    };
  }
  return {
    check,
    level: "problem",
    cause: `files in it are hidden, so the kernel lets no container have one of its own. In a container: ${UNMASKED}`,
    evidence: `mounted over: ${procMounts.slice(0, SHOWN_MOUNTS).join(", ")}`,
    fix: [],
  };
}

function dataHome({ dataHome: { path, filesystem, options, shared } }: HostReport): Finding {
  const check = "data home";
  const where = `${path} is on ${filesystem} (${options.join(",")})`;
  const elsewhere = (cause: string): Finding => ({
    check,
    level: "problem",
    cause: `${cause}: use another one, with --root`,
    evidence: where,
    fix: [],
  });
  if (shared !== null)
    return elsewhere(`${shared} shares files between machines: it keeps neither a database nor layers safely`);
  if (options.includes("noexec")) return elsewhere("programs cannot be executed there");
  if (options.includes("ro")) return elsewhere("it is read-only");
  return ok(check, where);
}

const FUSE_PACKAGES = {
  apt: "fuse-overlayfs",
  dnf: "fuse-overlayfs",
  apk: "fuse-overlayfs",
  pacman: "fuse-overlayfs",
  zypper: "fuse-overlayfs",
};

function storage({ storage: { driver, why }, hasFuseOverlay, packager }: HostReport): Finding {
  const check = "storage";
  if (driver !== "copy") return ok(check, `${driver}: ${why}`);
  return {
    check,
    level: "warning",
    cause: "each container is a copy of its image's layers",
    evidence: why,
    fix: hasFuseOverlay ? [] : install(packager, FUSE_PACKAGES),
  };
}

function freeSpace({ dataHome: { path, freeBytes } }: HostReport): Finding {
  const check = "free space";
  const cause = `${(freeBytes / GIB).toFixed(1)} GiB are free`;
  if (freeBytes >= GIB) return ok(check, cause);
  return { check, level: "warning", cause: `less than 1 GiB is free`, evidence: `${path}: ${cause}`, fix: [] };
}

function cgroups({ cgroup: { version, delegated, controllers }, user, nested }: HostReport): Finding {
  const check = "cgroups";
  const without = "containers run without limits of their own";
  const note = (cause: string, evidence: string, fix: string[]): Finding => ({
    check,
    level: "warning",
    cause: `${cause}: ${without}`,
    evidence,
    fix,
  });
  if (version === 0) return note("none are mounted", "/sys/fs/cgroup is empty", []);
  if (version === 1) {
    const fix = ["grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1"];
    return note(
      "this host has version 1, which cannot be delegated",
      "/sys/fs/cgroup/cgroup.controllers is missing",
      fix,
    );
  }
  if (delegated === null) {
    const evidence = "no group above this process may be written by you";
    if (nested) return note("this is a container itself, whose groups are read-only", evidence, []);
    return note("no group is delegated to you", evidence, [`loginctl enable-linger ${user.name}`]);
  }
  const missing = WANTED_CONTROLLERS.filter((controller) => !controllers.includes(controller));
  if (missing.length === 0) return ok(check, `version 2, ${delegated} is yours, with ${controllers.join(", ")}`);
  return note(`controllers are not delegated: ${missing.join(", ")}`, `${delegated}/cgroup.controllers`, [
    "mkdir -p /etc/systemd/system/user@.service.d",
    "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' > /etc/systemd/system/user@.service.d/delegate.conf",
    "systemctl daemon-reload",
  ]);
}

function lingering({ lingers, user }: HostReport): Finding {
  const check = "after logout";
  if (lingers === null) return ok(check, "nothing here ends a user's processes when he logs out");
  if (lingers) return ok(check, "containers go on");
  return {
    check,
    level: "warning",
    cause: "containers may end when you log out",
    evidence: `/var/lib/systemd/linger/${user.name} is missing`,
    fix: [`loginctl enable-linger ${user.name}`],
  };
}

function wayOut({ devices, wayOut: { chosen, why, relayFailure }, packager, nested }: HostReport): Finding {
  const check = "way out";
  const none = (cause: string, evidence: string | null, fix: string[]): Finding => ({
    check,
    level: "warning",
    cause: `${cause}: networks lead nowhere`,
    evidence,
    fix,
  });
  if (!devices.tun && nested) return none(fromOutside("/dev/net/tun"), "/dev/net/tun", []);
  if (!devices.tun) {
    return none("/dev/net/tun is missing or not yours to use", "/dev/net/tun", [
      "modprobe tun",
      "chmod 666 /dev/net/tun",
    ]);
  }
  if (chosen !== null) return ok(check, `by ${chosen === "relay" ? "bunker's own relay" : chosen}: ${why}`);
  const packages = {
    apt: "slirp4netns",
    dnf: "slirp4netns",
    apk: "slirp4netns",
    pacman: "slirp4netns",
    zypper: "slirp4netns",
  };
  const modules = nested ? [] : ["modprobe -a nf_tables nft_tproxy nft_socket nft_fib_inet"];
  return none("the kernel lacks what our relay needs, and neither slirp4netns nor pasta is installed", relayFailure, [
    ...modules,
    ...install(packager, packages),
  ]);
}

function pinging({ pings, nested }: HostReport): Finding {
  const check = "ping";
  if (pings) return ok(check, "containers may ping the outside");
  return {
    check,
    level: "warning",
    cause: "containers cannot ping what is outside of their networks",
    evidence: "your group is not in /proc/sys/net/ipv4/ping_group_range",
    fix: nested ? [] : ['sysctl -w net.ipv4.ping_group_range="0 2147483647"'],
  };
}

/** In a container nobody loads modules. */
function fromOutside(device: string): string {
  return `${device} is not in this container, which is to be started with --device ${device}`;
}

function fuse({ devices, nested }: HostReport): Finding {
  const check = "/dev/fuse";
  if (devices.fuse) return ok(check, "yours to use");
  return {
    check,
    level: "warning",
    cause: `only needed where the kernel has no overlay for users${nested ? `: ${fromOutside("/dev/fuse")}` : ""}`,
    evidence: "/dev/fuse is missing or not yours to use",
    fix: nested ? [] : ["modprobe fuse", "chmod 666 /dev/fuse"],
  };
}

function lowPorts({ firstFreePort }: HostReport): Finding {
  const check = "low ports";
  if (firstFreePort < FIRST_ORDINARY_PORT) return ok(check, `those from ${firstFreePort} on are yours`);
  return {
    check,
    level: "warning",
    cause: `no port below ${firstFreePort} can be published, nor listened on with the host's network`,
    evidence: `/proc/sys/net/ipv4/ip_unprivileged_port_start is ${firstFreePort}`,
    fix: setting("net.ipv4.ip_unprivileged_port_start=80"),
  };
}

function clock({ clock: seconds }: HostReport): Finding {
  const check = "clock";
  const shown = new Date(seconds * 1000).toISOString();
  if (seconds >= EARLIEST_CLOCK && seconds < LATEST_CLOCK) return ok(check, shown);
  return {
    check,
    level: "problem",
    cause: `it is far ${seconds < EARLIEST_CLOCK ? "behind: no certificate is valid yet" : "ahead: no certificate is valid any more"}`,
    evidence: shown,
    fix: ["timedatectl set-ntp true"],
  };
}

function install(packager: Packager | null, packages: Record<Packager, string>): string[] {
  if (packager === null) return [];
  const words: Record<Packager, string> = {
    apt: "apt-get install -y",
    dnf: "dnf install -y",
    apk: "apk add",
    pacman: "pacman -S --noconfirm",
    zypper: "zypper install -y",
  };
  return [`${words[packager]} ${packages[packager]}`];
}
