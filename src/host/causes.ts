// What it means when a system call on the way to a container fails: the cause, where it can be seen, and what mends it. Pure. A failed
// start is explained by this table and by the checks (findings.ts), which share their words with it.

/** What there is to say, without its check's name. */
export interface Cause {
  /** In a sentence without a full stop. */
  cause: string;
  /** Where one can see it. */
  evidence: string | null;
  /** Commands for root that mend it. */
  fix: string[];
  /** What the user can do himself; `null`: nothing. */
  hint: string | null;
}

export interface FailedCall {
  /** As written: `mount("proc", …)`. */
  call: string;
  errno: number;
  /** The user's. */
  uid: number;
}

/** errno-base.h and errno.h of asm-generic, the same on all our architectures. */
const ERRNO = {
  EPERM: 1,
  EINTR: 4,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  EROFS: 30,
  ENOSYS: 38,
  EUSERS: 87,
  EDQUOT: 122,
} as const;

interface Row {
  calls: RegExp;
  errnos: readonly (keyof typeof ERRNO)[];
  because: Cause | ((uid: number) => Cause);
}

const ANY = /^/;
const MAKING_NAMESPACES = /^(?:unshare|clone3?|setns)\(/;
/** But for a clone that makes none. */
const REFUSED_NAMESPACES = /^(?:unshare\(|setns\(|clone3?\(0x0*[1-9a-f])/;
const MAKING_PROCESSES = /^(?:clone3?|v?fork)\(/;
const MOUNTING = /^(?:fsopen|fsconfig|fsmount|move_mount|open_tree|mount|mount_setattr)\(/;

/** Now, and after the next boot. */
export function setting(assignment: string): string[] {
  const [key = ""] = assignment.split("=");
  return [`sysctl -w ${assignment}`, `echo ${assignment} > /etc/sysctl.d/99-${key.replaceAll(/[._]/g, "-")}.conf`];
}

const cause = (text: string, more: Partial<Omit<Cause, "cause">> = {}): Cause => ({
  cause: text,
  evidence: null,
  fix: [],
  hint: null,
  ...more,
});

/** Causes that a check of the host's finds as well. */
export const NO_NAMESPACES_LEFT = cause("this kernel is told to make none, or too few", {
  evidence: "/proc/sys/user/max_*_namespaces",
  fix: setting("user.max_user_namespaces=28633"),
});
export const NO_MEMORY_EXECUTED = cause("memory cannot be executed here", {
  evidence: "/proc/sys/vm/memfd_noexec",
  fix: setting("vm.memfd_noexec=0"),
});

/** A limit was reached: nothing else can be meant. */
const LIMITS: readonly Row[] = [
  { calls: MAKING_NAMESPACES, errnos: ["ENOSPC", "EUSERS"], because: NO_NAMESPACES_LEFT },
  {
    calls: MAKING_PROCESSES,
    errnos: ["EAGAIN"],
    because: (uid) =>
      cause("no further process may be started", {
        evidence: "ulimit -u, /proc/sys/kernel/pid_max, and pids.max of the groups in /proc/self/cgroup",
        fix: [`systemctl set-property user-${uid}.slice TasksMax=infinity`],
        hint: "End some programs, or raise the limit: ulimit -u.",
      }),
  },
  {
    calls: /^keyctl\(/,
    errnos: ["EDQUOT", "ENOSPC"],
    because: cause("your quota of kernel keys is used up", {
      evidence: "/proc/key-users",
      fix: setting("kernel.keys.maxkeys=20000"),
    }),
  },
  {
    calls: MOUNTING,
    errnos: ["ENOSPC"],
    because: cause("the limit on mounts is reached", {
      evidence: "/proc/sys/fs/mount-max",
      fix: setting("fs.mount-max=1000000"),
    }),
  },
  {
    calls: ANY,
    errnos: ["EMFILE"],
    because: cause("this process may open no more files", {
      evidence: "ulimit -n",
      hint: "Raise the limit: ulimit -n 65536.",
    }),
  },
  {
    calls: ANY,
    errnos: ["ENFILE"],
    because: cause("the whole system may open no more files", {
      evidence: "/proc/sys/fs/file-nr",
      fix: setting("fs.file-max=9000000"),
    }),
  },
  {
    calls: ANY,
    errnos: ["ENOMEM"],
    because: cause("there is no memory left, or none that this process's groups may have", {
      evidence: "/proc/meminfo, and memory.max of the groups in /proc/self/cgroup",
      hint: "Free some memory: end some programs.",
    }),
  },
  { calls: ANY, errnos: ["EINTR"], because: cause("a signal came in between", { hint: "Run the command again." }) },
];

/** How an outer container is started so that ours can have a /proc of their own. */
export const UNMASKED =
  "start it with podman's --security-opt unmask=ALL, or docker's --security-opt systempaths=unconfined";

/** Something forbids it: where the checks find nothing, this is what it can be. */
const REFUSALS: readonly Row[] = [
  {
    calls: /^fs\w+\("overlay"/,
    errnos: ["ENODEV"],
    because: cause("this kernel has no overlay, or has not loaded it", {
      evidence: "/proc/filesystems",
      fix: ["modprobe overlay"],
      hint: "BUNKER_STORAGE_DRIVER=copy does without.",
    }),
  },
  {
    calls: /^(?:fs\w+|mount)\("overlay"/,
    errnos: ["EPERM", "EACCES", "EINVAL", "ENOSYS"],
    because: cause("this kernel mounts no overlay for ordinary users, as Linux does from 5.11 on", {
      evidence: "/proc/sys/kernel/osrelease",
      hint: "BUNKER_STORAGE_DRIVER=copy does without.",
    }),
  },
  {
    calls: /^fs\w+\("(?:proc|sysfs)"/,
    errnos: ["EPERM", "EACCES", "EINVAL"],
    because: cause("parts of the host's own are hidden, as in another engine's container", {
      evidence: "/proc/self/mountinfo",
      hint: `In a container: ${UNMASKED}.`,
    }),
  },
  {
    calls: /^clone\(CLONE_VM/,
    errnos: ["EINVAL"],
    because: cause("this is an emulator, which starts no keeper", {
      hint: "Run it on a kernel of its own architecture.",
    }),
  },
  {
    calls: REFUSED_NAMESPACES,
    errnos: ["EPERM", "EACCES", "EINVAL"],
    because: cause("ordinary users may make no namespaces here, or the filter of an outer container forbids it", {
      evidence: "/proc/sys/kernel/unprivileged_userns_clone, and Seccomp in /proc/self/status",
      fix: setting("kernel.unprivileged_userns_clone=1"),
      hint: "An outer container must be started with --security-opt seccomp=unconfined.",
    }),
  },
  {
    // Older than any kernel this runs on: who does not know it is a filter.
    calls: /^clone3\(/,
    errnos: ["ENOSYS"],
    because: cause("the filter of an outer container lets nobody make namespaces", {
      evidence: "Seccomp in /proc/self/status",
      hint: "Start that container with --security-opt seccomp=unconfined, or, of bunker's own, with --privileged.",
    }),
  },
  { calls: /^execveat\(/, errnos: ["EACCES", "EPERM"], because: NO_MEMORY_EXECUTED },
  {
    calls: /^seccomp\(/,
    errnos: ["EINVAL", "ENOSYS"],
    because: cause("this kernel is built without filters for system calls (CONFIG_SECCOMP_FILTER)", {
      evidence: "/proc/sys/kernel/seccomp is missing",
      hint: "--security-opt seccomp=unconfined does without, and is less safe.",
    }),
  },
  {
    calls: ANY,
    errnos: ["ENOSYS"],
    because: cause("this kernel has no such system call, or the filter of an outer container hides it", {
      evidence: "/proc/sys/kernel/osrelease",
      hint: "Linux 5.12 or later is needed.",
    }),
  },
  {
    calls: ANY,
    errnos: ["ENODEV"],
    because: cause("this kernel is built without it, or has not loaded it", { evidence: "/proc/filesystems" }),
  },
  {
    calls: ANY,
    errnos: ["EROFS"],
    because: cause("the file system is read-only", { hint: "Use another data home with --root." }),
  },
  {
    calls: ANY,
    errnos: ["EPERM", "EACCES"],
    because: cause("a security module, or the filter of an outer container, forbids it", {
      evidence: "the kernel's log",
      fix: ["journalctl -k -g 'denied|apparmor|avc|seccomp'"],
    }),
  },
];

const UNEXPECTED = cause("the kernel refuses what every container needs", { evidence: "the kernel's log" });

/** A limit that the call ran into; `null`: none is known. */
export function limitOf(failed: FailedCall): Cause | null {
  return lookUp(LIMITS, failed);
}

/** What forbids the call, should no check of the host's know better. */
export function refusalOf(failed: FailedCall): Cause {
  return lookUp(REFUSALS, failed) ?? UNEXPECTED;
}

function lookUp(rows: readonly Row[], { call, errno, uid }: FailedCall): Cause | null {
  const row = rows.find(({ calls, errnos }) => calls.test(call) && errnos.some((name) => ERRNO[name] === errno));
  if (row === undefined) return null;
  return typeof row.because === "function" ? row.because(uid) : row.because;
}
