// The isolation baseline as data: which paths are masked or read-only, which limits and sysctls hold by default.
// The union of what docker and podman hide; weakening it is a flag's business, never an image's.

import { BunkerError } from "../errors.ts";
import type { ConfinementSettings, CreateRequest } from "./request.ts";
import type { IdMapping, NetworkSpec } from "./sandbox-spec.ts";

/** Directories become an empty read-only tmpfs, files the host's /dev/null. */
export const MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/dev/block",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
  "/sys/fs/selinux",
];

export const READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** podman's rootless default for `nofile` and `nproc`; clamped to the host's hard limit. */
export const DEFAULT_OPEN_FILES = 1_048_576;

/** docker's size of /dev/shm. */
export const DEFAULT_SHM_SIZE = 64 * 1024 * 1024;

/** docker's and podman's default. */
export const DEFAULT_UMASK = 0o022;

/** `throttledCpus`: processors that tell how hot they are, and so what else runs on them. */
export function planMaskedPaths(throttledCpus: readonly number[], network: NetworkSpec): string[] {
  const thermal = throttledCpus.map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`);
  // Without a network namespace of its own the container sees the host's own sysfs.
  const host = network.kind === "host" ? ["/sys/kernel"] : [];
  return [...MASKED_PATHS, ...thermal, ...host];
}

/** Among patterns of what is not to be hidden: nothing is. */
export const EVERYTHING = "ALL";

/** Both lists less what flags uncover, and what they hide besides. */
export function planSystemPaths(
  masked: readonly string[],
  settings: Partial<Pick<ConfinementSettings, "masked" | "unmasked">> = {},
): { masked: string[]; readonly: string[] } {
  const patterns = (settings.unmasked ?? []).map((text) => (text === EVERYTHING ? /^/ : shellPattern(text)));
  const isKept = (path: string): boolean => !patterns.some((pattern) => pattern.test(path));
  return {
    masked: [...new Set([...masked.filter(isKept), ...(settings.masked ?? [])])],
    readonly: READONLY_PATHS.filter(isKept),
  };
}

/** Privileged: whatever is usual, nothing is hidden. */
export function planConfinement(
  { privileged = false, confinement }: Pick<CreateRequest, "privileged" | "confinement">,
  masked: readonly string[],
): { masked: string[]; readonly: string[] } {
  const unmasked = [...(confinement?.unmasked ?? []), ...(privileged ? [EVERYTHING] : [])];
  return planSystemPaths(masked, { ...confinement, unmasked });
}

/** `*`, `?` and `[a-z]` within a component, as the shell. */
function shellPattern(text: string): RegExp {
  const source = text.replaceAll(/\[[^\]/]+\]|[^]/g, (part) => {
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (part.length > 1) return part.replace("[!", "[^").replaceAll("\\", "\\\\");
    return part.replace(/[\\^$.|+(){}[\]]/, "\\$&");
  });
  try {
    return new RegExp(`^${source}$`);
  } catch {
    throw new BunkerError("usage", `--security-opt: "${text}" is no pattern of paths`);
  }
}

/**
 * docker's and podman's defaults: any port and ping for everybody, in a network namespace where both harm nobody.
 * `hostGidMap`: what the container's groups are on the host.
 */
export function planSysctls(hostGidMap: readonly IdMapping[], network: NetworkSpec): Record<string, string> {
  if (network.kind === "host" || network.kind === "shared") return {};
  const [own, ...others] = hostGidMap;
  // The kernel compares the host's numbers: a range whose end is below its beginning there is none (ping(4)).
  const highest = others.reduce((best, line) => (line.outside > best.outside ? line : best), own ?? NO_MAPPING);
  const last = highest.inside + highest.size - 1;
  return { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": `0 ${last}` };
}

const NO_MAPPING: IdMapping = { inside: 0, outside: 0, size: 1 };
