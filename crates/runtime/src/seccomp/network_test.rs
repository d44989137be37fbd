//! That the list says what it seems to.

use super::*;

/// x86-64 has every call that any architecture has: an unknown name is a slip.
#[cfg(target_arch = "x86_64")]
#[test]
fn every_name_is_a_call() {
    let unknown: Vec<_> = ALLOWED.iter().filter(|call| number_of(call).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[rustfmt::skip]
const DANGEROUS: &[&str] = &[
    "execve", "execveat", "fork", "vfork", "clone", "unshare", "setns", "ptrace", "process_vm_writev", "mount", "bpf", "keyctl",
    "open_by_handle_at", "pidfd_open", "pidfd_getfd", "kill", "tkill", "tgkill", "memfd_create", "io_uring_setup",
    "perf_event_open", "userfaultfd", "socket", "socketpair", "chmod", "rename", "capset", "seccomp", "prctl", "ioctl",
];

/// Unless an argument says that it is not.
#[test]
fn what_is_dangerous_ends_it() {
    let policy = policy();
    for number in DANGEROUS.iter().filter_map(|call| number_of(call)) {
        let found = policy.verdicts.iter().find(|(known, _)| *known == number);
        let action = found.map_or(policy.unknown, |(_, verdict)| verdict.otherwise);
        assert_eq!(action, Action::KillProcess, "{number}");
    }
}
