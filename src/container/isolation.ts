// The isolation baseline as data: which paths are masked or read-only, which limits hold by default.
// The union of what docker and podman hide; weakening it is a flag's business, never an image's.

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
