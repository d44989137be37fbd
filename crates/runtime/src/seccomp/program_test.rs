//! The filter run by a small interpreter: every number, every argument rule, the 32-bit traps.

use super::super::policy::default_policy;
use super::super::table::{SYSCALLS, number_of};
use super::*;

const ALLOW: u32 = 0x7FFF_0000;
const EPERM: u32 = 0x0005_0001;
const ENOSYS: u32 = 0x0005_0026;
const EAFNOSUPPORT: u32 = 0x0005_0061;
const KILL: u32 = 0x8000_0000;

pub(super) fn run(program: &[SockFilter], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
    let mut data = [0u8; 64];
    data[0..4].copy_from_slice(&number.to_le_bytes());
    data[4..8].copy_from_slice(&arch.to_le_bytes());
    for (index, argument) in arguments.iter().enumerate() {
        data[16 + 8 * index..24 + 8 * index].copy_from_slice(&argument.to_le_bytes());
    }
    let (mut at, mut accumulator) = (0usize, 0u32);
    loop {
        let step = program[at];
        at += 1;
        let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
        match step.code {
            LOAD => {
                let k = step.k as usize;
                accumulator = u32::from_le_bytes(data[k..k + 4].try_into().expect("four bytes"));
            }
            AND => accumulator &= step.k,
            JUMP => at += step.k as usize,
            JUMP_EQUAL => at += jump(accumulator == step.k),
            JUMP_GREATER => at += jump(accumulator > step.k),
            JUMP_GREATER_EQUAL => at += jump(accumulator >= step.k),
            RETURN => return step.k,
            other => panic!("instruction {other:#x}"),
        }
    }
}

const DEFAULT: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

fn filter(extra: &[&str]) -> Vec<SockFilter> {
    let names: Vec<String> = DEFAULT.iter().chain(extra).map(|name| (*name).to_owned()).collect();
    assemble(&default_policy(&names)).expect("assembles")
}

fn call(program: &[SockFilter], name: &str, arguments: [u64; 6]) -> u32 {
    run(program, AUDIT_ARCH, number_of(name).expect("known"), arguments)
}

#[test]
fn every_number_gets_the_answer_of_its_verdict() {
    let names: Vec<String> = DEFAULT.iter().map(|name| (*name).to_owned()).collect();
    let policy = default_policy(&names);
    let program = assemble(&policy).expect("assembles");
    for number in 0..600 {
        let expected = match policy.verdicts.iter().find(|(known, _)| *known == number) {
            None => ENOSYS,
            Some((_, verdict)) if verdict.rules.is_empty() => answer(verdict.otherwise).k,
            Some(_) => continue,
        };
        assert_eq!(run(&program, AUDIT_ARCH, number, [0; 6]), expected, "call {number}");
    }
}

#[test]
fn what_docker_and_podman_deny_is_denied() {
    let program = filter(&[]);
    for name in [
        "mount",
        "umount2",
        "pivot_root",
        "fsopen",
        "fsmount",
        "move_mount",
        "open_tree",
        "mount_setattr",
        "unshare",
        "setns",
        "keyctl",
        "add_key",
        "request_key",
        "bpf",
        "io_uring_setup",
        "userfaultfd",
        "perf_event_open",
        "kexec_load",
        "init_module",
        "vmsplice",
        "io_pgetevents",
        "open_by_handle_at",
        "pidfd_getfd",
        "reboot",
        "syslog",
        "clock_settime",
        "sethostname",
        "acct",
        "swapon",
        "quotactl",
        "move_pages",
        "kcmp",
        "vhangup",
    ] {
        assert_eq!(call(&program, name, [0; 6]), EPERM, "{name}");
    }
    assert_eq!(call(&program, "clone3", [0; 6]), ENOSYS);
    for name in ["read", "write", "openat", "execve", "futex", "statx", "openat2", "chroot", "landlock_create_ruleset"]
    {
        assert_eq!(call(&program, name, [0; 6]), ALLOW, "{name}");
    }
}

#[test]
fn what_is_too_new_answers_as_an_older_kernel_would() {
    let program = filter(&["CAP_SYS_ADMIN"]);
    for name in [
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
    ] {
        assert_eq!(call(&program, name, [0; 6]), ENOSYS, "{name}");
    }
    assert_eq!(run(&program, AUDIT_ARCH, 470, [0; 6]), ENOSYS);
    assert_eq!(call(&program, "fchmodat2", [0; 6]), ALLOW);
}

#[test]
fn pairs_of_sockets_are_unix_only() {
    let program = filter(&["CAP_NET_ADMIN", "CAP_NET_RAW"]);
    for (family, expected) in [(1, ALLOW), (0x7_0000_0001, ALLOW), (2, EAFNOSUPPORT), (38, EAFNOSUPPORT)] {
        assert_eq!(call(&program, "socketpair", [family, 1, 0, 0, 0, 0]), expected, "family {family:#x}");
    }
}

#[test]
fn socket_families_are_a_list_and_upper_bits_do_not_count() {
    let program = filter(&[]);
    for (family, protocol, expected) in [
        (1, 0, ALLOW),
        (2, 0, ALLOW),
        (10, 0, ALLOW),
        (16, 0, ALLOW),
        (16, 9, EAFNOSUPPORT),
        (17, 0, EAFNOSUPPORT),
        (38, 0, EAFNOSUPPORT),
        (40, 0, EAFNOSUPPORT),
        (0x1_0000_0026, 0, EAFNOSUPPORT),
        (0x1_0000_0028, 0, EAFNOSUPPORT),
        (0x1_0000_0002, 0, ALLOW),
    ] {
        assert_eq!(call(&program, "socket", [family, 0, protocol, 0, 0, 0]), expected, "family {family:#x}/{protocol}");
    }
    assert_eq!(call(&filter(&["CAP_NET_RAW"]), "socket", [17, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(call(&filter(&["CAP_AUDIT_WRITE"]), "socket", [16, 0, 9, 0, 0, 0]), ALLOW);
}

#[test]
fn arguments_of_clone_ioctl_prctl_personality_and_mknod() {
    let program = filter(&[]);
    assert_eq!(call(&program, "clone", [0x1200_0011, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(call(&program, "clone", [0x003D_0F00, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(call(&program, "ioctl", [0, 0x5412, 0, 0, 0, 0]), EPERM);
    assert_eq!(call(&program, "ioctl", [0, 0xFFFF_FFFF_0000_5412, 0, 0, 0, 0]), EPERM);
    assert_eq!(call(&program, "ioctl", [0, 0x5401, 0, 0, 0, 0]), ALLOW);
    assert_eq!(call(&program, "prctl", [35, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(call(&program, "personality", [0xFFFF_FFFF, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(call(&program, "personality", [0x0004_0000, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(call(&program, "mknodat", [0, 0, 0o020_600, 0, 0, 0]), EPERM);
    assert_eq!(call(&program, "mknodat", [0, 0, 0x1_0000_0000 | 0o060_600, 0, 0, 0]), EPERM);
    assert_eq!(call(&program, "mknodat", [0, 0, 0o010_600, 0, 0, 0]), ALLOW);
}

#[test]
fn other_architectures_and_x32_are_killed() {
    let program = filter(&[]);
    assert_eq!(run(&program, 0x4000_0003, 1, [0; 6]), KILL);
    #[cfg(target_arch = "x86_64")]
    for number in [0x4000_0000, 0x4000_0001, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE] {
        assert_eq!(run(&program, AUDIT_ARCH, number, [0; 6]), KILL, "{number:#x}");
    }
}

#[test]
fn a_call_that_a_tracer_left_out_does_not_kill() {
    assert_eq!(run(&filter(&[]), AUDIT_ARCH, u32::MAX, [0; 6]), ENOSYS);
}

#[test]
fn every_flag_that_makes_a_namespace_is_denied_to_clone_alone_and_together() {
    let program = filter(&[]);
    let flags = [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
    for flag in flags.into_iter().chain([0x7E02_0000]) {
        for flags in [flag, flag | 0x11, flag | 0xABCD_0000_0000_0000] {
            assert_eq!(call(&program, "clone", [flags, 0, 0, 0, 0, 0]), EPERM, "{flags:#x}");
        }
    }
    // Bits above the 32 that clone(2) has mean nothing.
    assert_eq!(call(&program, "clone", [0x7E02_0000_0000_0011, 0, 0, 0, 0, 0]), ALLOW);
}

/// What docker's profile ties to a capability, and nothing else, is opened by adding it.
#[test]
fn each_capability_opens_its_own_calls() {
    let closed = filter(&[]);
    for (capability, names) in [
        ("CAP_DAC_READ_SEARCH", &["open_by_handle_at"][..]),
        ("CAP_BPF", &["bpf"]),
        ("CAP_PERFMON", &["perf_event_open"]),
        ("CAP_SYSLOG", &["syslog"]),
        ("CAP_SYS_BOOT", &["reboot"]),
        ("CAP_SYS_MODULE", &["delete_module", "finit_module", "init_module"]),
        ("CAP_SYS_NICE", &["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
        ("CAP_SYS_PACCT", &["acct"]),
        ("CAP_SYS_PTRACE", &["kcmp", "pidfd_getfd", "process_madvise"]),
        ("CAP_SYS_TIME", &["clock_settime", "settimeofday"]),
        ("CAP_SYS_TTY_CONFIG", &["vhangup"]),
        #[cfg(target_arch = "x86_64")]
        ("CAP_SYS_RAWIO", &["ioperm", "iopl"]),
    ] {
        let open = filter(&[capability]);
        for (name, _) in SYSCALLS {
            let expected = if names.contains(name) { ALLOW } else { call(&closed, name, [0; 6]) };
            assert_eq!(call(&open, name, [0; 6]), expected, "{name} with {capability}");
        }
    }
    assert_eq!(call(&closed, "chroot", [0; 6]), ALLOW);
    let without: Vec<String> = DEFAULT[..10].iter().map(|name| (*name).to_owned()).collect();
    let program = assemble(&default_policy(&without)).expect("assembles");
    assert_eq!(call(&program, "chroot", [0; 6]), EPERM);
}

#[test]
fn capabilities_open_what_docker_ties_to_them() {
    let program = filter(&["CAP_SYS_ADMIN"]);
    for name in ["mount", "unshare", "setns", "clone3", "bpf", "syslog", "lsm_get_self_attr", "lsm_set_self_attr"] {
        assert_eq!(call(&program, name, [0x1000_0000, 0, 0, 0, 0, 0]), ALLOW, "{name}");
    }
    assert_eq!(call(&program, "keyctl", [0; 6]), EPERM);
    assert_eq!(call(&program, "clone", [0x1000_0000, 0, 0, 0, 0, 0]), ALLOW);
}

#[test]
fn docker_profiles_compile_with_denials_first() {
    let profile = serde_json::json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "syscalls": [
            {"names": ["read", "write", "nosuchcall"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_NE"}]},
            {"names": ["lseek"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 0x1_0000_0005_u64, "op": "SCMP_CMP_GT"}]},
            {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}
        ]
    });
    let program = assemble(&super::super::profile::read(&profile, &[]).expect("reads")).expect("assembles");
    assert_eq!(call(&program, "read", [0; 6]), ALLOW);
    assert_eq!(call(&program, "mount", [0; 6]), ENOSYS);
    assert_eq!(call(&program, "socket", [0x5_0000_0028, 0, 0, 0, 0, 0]), ENOSYS);
    assert_eq!(call(&program, "socket", [2, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(call(&program, "lseek", [0, 0x1_0000_0006, 0, 0, 0, 0]), ALLOW);
    assert_eq!(call(&program, "lseek", [0, 0x1_0000_0005, 0, 0, 0, 0]), ENOSYS);
    assert_eq!(call(&program, "lseek", [0, 6, 0, 0, 0, 0]), ENOSYS);
    let denied = serde_json::json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {"names": ["fcntl", "setns"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 7, "op": "SCMP_CMP_EQ"}]},
            {"name": "keyctl", "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 0, "value": 7, "op": "SCMP_CMP_EQ"}]}
        ]
    });
    let program = assemble(&super::super::profile::read(&denied, &[]).expect("reads")).expect("assembles");
    for (name, arguments, expected) in [
        ("fcntl", [0, 0x1_0000_0007, 0, 0, 0, 0], EPERM),
        ("setns", [0, 0x1_0000_0007, 0, 0, 0, 0], EPERM),
        ("keyctl", [0x1_0000_0007, 0, 0, 0, 0, 0], KILL),
        ("fcntl", [7, 8, 7, 0, 0, 0], ALLOW),
    ] {
        assert_eq!(call(&program, name, arguments), expected, "{name}");
    }
    assert!(super::super::profile::read(&serde_json::json!({"defaultAction": "X"}), &[]).is_err());
    assert!(super::super::profile::read(&serde_json::json!([1]), &[]).is_err());
}
