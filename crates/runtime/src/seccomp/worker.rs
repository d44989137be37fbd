//! What a locked-in worker may call: files by descriptor, threads, memory, its answer. Everything else is EPERM.

use super::policy::{Action, Comparison, Condition, Policy, Rule, Verdict, deny_namespaces};
use super::table::number_of;

const EPERM: u16 = 1;
const ENOSYS: u16 = 38;

#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    // Files that are open, and what is below an open directory.
    "read", "write", "pread64", "pwrite64", "close", "lseek", "ftruncate", "copy_file_range", "fcntl", "openat", "openat2",
    "fstat", "newfstatat", "fstatfs", "getdents64", "readlinkat", "mkdirat", "symlinkat", "linkat", "unlinkat", "renameat",
    "fchown", "fchownat", "fchmod", "utimensat", "fsetxattr", "fgetxattr", "flistxattr", "umask",
    // The answer, and waiting for more of a blob.
    "sendmsg", "recvmsg", "recvfrom", "poll", "ppoll",
    // Threads and memory.
    "brk", "munmap", "mremap", "madvise", "futex", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity",
    "nanosleep", "clock_nanosleep", "clock_gettime", "getrandom", "gettid", "getpid", "sigaltstack", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "tkill", "exit", "exit_group",
];

const PROT_EXEC: u64 = 4;
const CLONE_THREAD: u64 = 0x1_0000;
const FICLONE: u64 = 0x4004_9409;
const S_IFMT: u64 = 0o170_000;
const S_IFIFO: u64 = 0o010_000;
const S_IFCHR: u64 = 0o020_000;

pub(super) fn policy() -> Policy {
    let refused = Action::Errno(EPERM);
    let name = |name: &str| number_of(name);
    let mut verdicts: Vec<(u32, Verdict)> =
        ALLOWED.iter().filter_map(|call| name(call)).map(|number| (number, Verdict::plain(Action::Allow))).collect();
    let mut threads = deny_namespaces();
    threads.push(allow(vec![masked(0, CLONE_THREAD, CLONE_THREAD)]));
    let conditional = [
        ("clone", Verdict { rules: threads, otherwise: refused }),
        // Its flags lie behind a pointer: ENOSYS makes the C library fall back to clone.
        ("clone3", Verdict::plain(Action::Errno(ENOSYS))),
        // No new code, whatever a broken decoder was made to do.
        ("mmap", Verdict { rules: vec![allow(vec![masked(2, PROT_EXEC, 0)])], otherwise: refused }),
        ("mprotect", Verdict { rules: vec![allow(vec![masked(2, PROT_EXEC, 0)])], otherwise: refused }),
        ("ioctl", Verdict { rules: vec![allow(vec![masked(1, u64::from(u32::MAX), FICLONE)])], otherwise: refused }),
        // FIFOs, and overlay's whiteouts: device 0:0.
        (
            "mknodat",
            Verdict {
                rules: vec![
                    allow(vec![masked(2, S_IFMT, S_IFIFO)]),
                    allow(vec![masked(2, S_IFMT, S_IFCHR), masked(3, u64::from(u32::MAX), 0)]),
                ],
                otherwise: refused,
            },
        ),
    ];
    verdicts.extend(conditional.into_iter().filter_map(|(call, verdict)| Some((name(call)?, verdict))));
    verdicts.sort_by_key(|(number, _)| *number);
    Policy { verdicts, unknown: refused }
}

fn allow(conditions: Vec<Condition>) -> Rule {
    Rule { conditions, action: Action::Allow }
}

/// Of ints, of which the kernel looks at the low 32 bits.
fn masked(argument: u8, mask: u64, value: u64) -> Condition {
    Condition { argument, comparison: Comparison::Masked(mask), value, wide: false }
}
