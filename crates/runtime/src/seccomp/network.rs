//! What the network keeper may call: sockets of the internet and of netlink, threads, the few files Landlock leaves it. No
//! program, no namespace but another network's, no unix socket (the user's session bus is one), no new executable memory.
//! Everything else ends it at once: its work is the same every day, so whoever asks for more is not it any longer, and the
//! containers' keepers start another.

use super::policy::{
    AF_INET, AF_INET6, AF_NETLINK, Action, CLONE_NAMESPACES, Condition, NETLINK_ROUTE, Policy, Rule, Verdict, equal,
    masked,
};
use super::table::number_of;

const ENOSYS: u16 = 38;

/// Some are of one architecture, or of one C library, alone.
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    // Packets, streams, and waiting for them.
    "read", "readv", "write", "writev", "splice", "bind", "listen", "accept4", "connect", "shutdown", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "recvfrom", "recvmsg", "sendto", "sendmsg", "poll", "ppoll", "epoll_create1",
    "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "pipe2", "close", "fcntl",
    // resolv.conf, sysctls, the tun, and what it leaves behind nothing of in the runtime directory.
    "open", "openat", "stat", "lstat", "fstat", "newfstatat", "statx", "lseek", "unlink", "unlinkat", "rmdir",
    // Threads and memory.
    "brk", "munmap", "mremap", "madvise", "futex", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity",
    "nanosleep", "clock_nanosleep", "clock_gettime", "getrandom", "gettid", "getpid", "geteuid", "sigaltstack",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group",
];

const PROT_EXEC: u64 = 4;
const CLONE_THREAD: u64 = 0x1_0000;
const CLONE_NEWNET: u64 = 0x4000_0000;
const PR_SET_NAME: u64 = 15;
const RLIMIT_NOFILE: u64 = 7;
const NETLINK_NETFILTER: u64 = 12;
const SIOCGIFINDEX: u64 = 0x8933;
const TUNSETIFF: u64 = 0x4004_54CA;
const FIONBIO: u64 = 0x5421;

pub(super) fn policy() -> Policy {
    let refused = Action::KillProcess;
    let mut verdicts: Vec<(u32, Verdict)> = ALLOWED
        .iter()
        .filter_map(|call| number_of(call))
        .map(|number| (number, Verdict::plain(Action::Allow)))
        .collect();
    let only = |rules: Vec<Vec<Condition>>| {
        let allow = |conditions| Rule { conditions, action: Action::Allow };
        Verdict { rules: rules.into_iter().map(allow).collect(), otherwise: refused }
    };
    let no_namespaces = CLONE_NAMESPACES.map(|flag| masked(0, flag, 0)).into_iter();
    let netlink = |protocol| vec![equal(0, AF_NETLINK), equal(2, protocol)];
    let conditional = [
        ("clone", only(vec![no_namespaces.chain([masked(0, CLONE_THREAD, CLONE_THREAD)]).collect()])),
        // Its flags lie behind a pointer: ENOSYS makes the C library fall back to clone.
        ("clone3", Verdict::plain(Action::Errno(ENOSYS))),
        ("ioctl", only([SIOCGIFINDEX, TUNSETIFF, FIONBIO].map(|request| vec![equal(1, request)]).into())),
        ("mmap", only(vec![vec![masked(2, PROT_EXEC, 0)]])),
        ("mprotect", only(vec![vec![masked(2, PROT_EXEC, 0)]])),
        ("prctl", only(vec![vec![equal(0, PR_SET_NAME)]])),
        ("prlimit64", only(vec![vec![equal(0, 0), equal(1, RLIMIT_NOFILE)]])),
        ("setns", only(vec![vec![equal(1, CLONE_NEWNET)]])),
        (
            "socket",
            only(vec![
                vec![equal(0, AF_INET)],
                vec![equal(0, AF_INET6)],
                netlink(NETLINK_ROUTE),
                netlink(NETLINK_NETFILTER),
            ]),
        ),
    ];
    verdicts.extend(conditional.into_iter().filter_map(|(call, verdict)| Some((number_of(call)?, verdict))));
    verdicts.sort_by_key(|(number, _)| *number);
    Policy { verdicts, unknown: refused }
}

#[cfg(test)]
#[path = "network_test.rs"]
mod tests;
