//! What each system call may do, and the default: docker's set, narrowed (no vmsplice, no device nodes, no keyrings,
//! socket families by list, nothing too new to be needed). A capability that was added opens the calls that docker's profile
//! ties to it.

use super::table::{FIRST_UNKNOWN, SYSCALLS, number_of};

const EPERM: u16 = 1;
const ENOSYS: u16 = 38;
const EAFNOSUPPORT: u16 = 97;

/// What the filter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Allow,
    Errno(u16),
    KillProcess,
    KillThread,
    Trap,
    Trace(u16),
    Log,
}

/// How an argument is compared; `Masked`: `argument & mask == value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Masked(u64),
}

/// One condition on one argument. `wide`: all 64 bits; else the low 32, as the kernel reads an int.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) argument: u8,
    pub(crate) comparison: Comparison,
    pub(crate) value: u64,
    pub(crate) wide: bool,
}

/// All conditions hold → `action`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) action: Action,
}

/// The answer to one system call: the first rule that matches, else `otherwise`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) rules: Vec<Rule>,
    pub(crate) otherwise: Action,
}

impl Verdict {
    pub(crate) fn plain(action: Action) -> Self {
        Self { rules: Vec::new(), otherwise: action }
    }
}

/// Verdicts by number, sorted; numbers without one get `unknown`.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) verdicts: Vec<(u32, Verdict)>,
    pub(crate) unknown: Action,
}

/// Never allowed, whatever capabilities there are: reach into the kernel that no container needs.
const NEVER: &[&str] = &[
    "_sysctl",
    "add_key",
    "afs_syscall",
    "create_module",
    "epoll_ctl_old",
    "epoll_wait_old",
    "get_kernel_syms",
    "getpmsg",
    "io_pgetevents",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "migrate_pages",
    "modify_ldt",
    "move_pages",
    "nfsservctl",
    "pivot_root",
    "putpmsg",
    "query_module",
    "request_key",
    "security",
    "swapoff",
    "swapon",
    "sysfs",
    "tuxcall",
    "uselib",
    "userfaultfd",
    "ustat",
    "vmsplice",
    "vserver",
];

/// So new that every program goes on without them, and podman lets none through: they answer as on an older kernel (ENOSYS).
const NEWER: &[&str] = &[
    "cachestat",
    "futex_requeue",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "getxattrat",
    "listmount",
    "listxattrat",
    "mseal",
    "removexattrat",
    "setxattrat",
    "statmount",
];

/// Allowed only with one of these capabilities (docker's profile ties them so).
const GATED: &[(&[&str], &[&str])] = &[
    (&["CAP_DAC_READ_SEARCH"], &["open_by_handle_at"]),
    (
        &["CAP_SYS_ADMIN"],
        &[
            "fanotify_init",
            "fsconfig",
            "fsmount",
            "fsopen",
            "fspick",
            "lookup_dcookie",
            "lsm_get_self_attr",
            "lsm_list_modules",
            "lsm_set_self_attr",
            "mount",
            "mount_setattr",
            "move_mount",
            "open_tree",
            "open_tree_attr",
            "quotactl",
            "quotactl_fd",
            "setdomainname",
            "sethostname",
            "setns",
            "umount2",
            "unshare",
        ],
    ),
    (&["CAP_SYS_ADMIN", "CAP_BPF"], &["bpf"]),
    (&["CAP_SYS_ADMIN", "CAP_PERFMON"], &["perf_event_open"]),
    (&["CAP_SYS_ADMIN", "CAP_SYSLOG"], &["syslog"]),
    (&["CAP_SYS_BOOT"], &["reboot"]),
    (&["CAP_SYS_CHROOT"], &["chroot"]),
    (&["CAP_SYS_MODULE"], &["delete_module", "finit_module", "init_module"]),
    (&["CAP_SYS_NICE"], &["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
    (&["CAP_SYS_PACCT"], &["acct"]),
    (&["CAP_SYS_PTRACE"], &["kcmp", "pidfd_getfd", "process_madvise"]),
    (&["CAP_SYS_RAWIO"], &["ioperm", "iopl"]),
    (&["CAP_SYS_TIME"], &["clock_settime", "settimeofday"]),
    (&["CAP_SYS_TTY_CONFIG"], &["vhangup"]),
];

/// clone(2): any flag that makes a namespace (NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET).
pub(super) const CLONE_NAMESPACES: [u64; 7] =
    [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
/// personality(2): PER_LINUX, PER_LINUX32, each with UNAME26, and the query.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF];
/// Pushing input into a terminal (CVE-2017-5226).
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541C;
const PR_SET_MM: u64 = 35;
const S_IFMT: u64 = 0o170_000;
const S_IFCHR: u64 = 0o020_000;
const S_IFBLK: u64 = 0o060_000;
const AF_UNIX: u64 = 1;
pub(super) const AF_INET: u64 = 2;
pub(super) const AF_INET6: u64 = 10;
pub(super) const AF_NETLINK: u64 = 16;
const AF_PACKET: u64 = 17;
pub(super) const NETLINK_ROUTE: u64 = 0;
const NETLINK_AUDIT: u64 = 9;

/// The default policy for a process with these capabilities in its bounding set.
pub(crate) fn default_policy(capabilities: &[String]) -> Policy {
    let has = |wanted: &str| capabilities.iter().any(|name| name == wanted);
    let mut verdicts: Vec<(u32, Verdict)> = SYSCALLS
        .iter()
        .filter(|(_, number)| *number < FIRST_UNKNOWN)
        .map(|(name, number)| (*number, verdict_of(name, &has)))
        .collect();
    // Holes in the table (numbers that were never calls here) are as unknown as new ones.
    verdicts.sort_by_key(|(number, _)| *number);
    Policy { verdicts, unknown: Action::Errno(ENOSYS) }
}

fn verdict_of(name: &str, has: &dyn Fn(&str) -> bool) -> Verdict {
    if NEVER.contains(&name) {
        return Verdict::plain(Action::Errno(EPERM));
    }
    if NEWER.contains(&name) {
        return Verdict::plain(Action::Errno(ENOSYS));
    }
    for (keys, names) in GATED {
        if names.contains(&name) && !keys.iter().any(|key| has(key)) {
            return Verdict::plain(Action::Errno(EPERM));
        }
    }
    let admin = has("CAP_SYS_ADMIN");
    match name {
        "clone" if !admin => Verdict { rules: deny_namespaces(), otherwise: Action::Allow },
        // Its flags lie behind a pointer: ENOSYS makes the C library fall back to clone.
        "clone3" if !admin => Verdict::plain(Action::Errno(ENOSYS)),
        "personality" => only(PERSONALITIES.map(|value| equal(0, value)), EPERM),
        "ioctl" => deny([equal(1, TIOCSTI), equal(1, TIOCLINUX)]),
        "prctl" => deny([equal(0, PR_SET_MM)]),
        "mknod" => deny([masked(1, S_IFMT, S_IFCHR), masked(1, S_IFMT, S_IFBLK)]),
        "mknodat" => deny([masked(2, S_IFMT, S_IFCHR), masked(2, S_IFMT, S_IFBLK)]),
        "socket" => Verdict { rules: socket_rules(has), otherwise: Action::Errno(EAFNOSUPPORT) },
        // No other family has pairs, but asking for one would load its module.
        "socketpair" => only([equal(0, AF_UNIX)], EAFNOSUPPORT),
        _ => Verdict::plain(Action::Allow),
    }
}

fn socket_rules(has: &dyn Fn(&str) -> bool) -> Vec<Rule> {
    let allow = |conditions: Vec<Condition>| Rule { conditions, action: Action::Allow };
    let mut rules: Vec<Rule> = [AF_UNIX, AF_INET, AF_INET6].map(|family| allow(vec![equal(0, family)])).into();
    if has("CAP_NET_ADMIN") {
        rules.push(allow(vec![equal(0, AF_NETLINK)]));
    } else {
        rules.push(allow(vec![equal(0, AF_NETLINK), equal(2, NETLINK_ROUTE)]));
    }
    if has("CAP_AUDIT_WRITE") || has("CAP_AUDIT_CONTROL") || has("CAP_AUDIT_READ") {
        rules.push(allow(vec![equal(0, AF_NETLINK), equal(2, NETLINK_AUDIT)]));
    }
    if has("CAP_NET_RAW") {
        rules.push(allow(vec![equal(0, AF_PACKET)]));
    }
    rules
}

pub(super) fn deny_namespaces() -> Vec<Rule> {
    CLONE_NAMESPACES
        .iter()
        .map(|flag| Rule { conditions: vec![masked(0, *flag, *flag)], action: Action::Errno(EPERM) })
        .collect()
}

fn only<const N: usize>(conditions: [Condition; N], errno: u16) -> Verdict {
    let rules = conditions.map(|condition| Rule { conditions: vec![condition], action: Action::Allow }).into();
    Verdict { rules, otherwise: Action::Errno(errno) }
}

fn deny<const N: usize>(conditions: [Condition; N]) -> Verdict {
    let rules = conditions.map(|condition| Rule { conditions: vec![condition], action: Action::Errno(EPERM) }).into();
    Verdict { rules, otherwise: Action::Allow }
}

pub(super) fn equal(argument: u8, value: u64) -> Condition {
    Condition { argument, comparison: Comparison::Equal, value, wide: false }
}

pub(super) fn masked(argument: u8, mask: u64, value: u64) -> Condition {
    Condition { argument, comparison: Comparison::Masked(mask), value, wide: false }
}

/// Arguments the kernel reads as 32-bit ints: comparing more of them would let a set upper bit slip past. Those that profiles
/// are known to compare.
pub(crate) fn is_wide(name: &str, argument: u8) -> bool {
    !matches!(
        (name, argument),
        ("socket" | "socketpair", 0..=2)
            | ("bpf" | "keyctl" | "personality" | "prctl" | "arch_prctl" | "io_uring_setup", 0)
            | ("chmod" | "fchmod" | "fcntl" | "ioctl" | "kill" | "mkdir" | "mknod" | "open" | "setns" | "tkill", 1)
            | ("getsockopt" | "setsockopt", 1..=2)
            | ("fchmodat" | "madvise" | "mkdirat" | "mknodat" | "openat" | "tgkill", 2)
    )
}

/// Every number the policy should know for `name`, for profiles: unknown names have none here and are left out.
pub(crate) fn numbers(name: &str) -> Option<u32> {
    number_of(name)
}
