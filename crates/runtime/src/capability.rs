//! Capability names and the kernel's bits (capabilities(7)).

use bunker_sys::credential::CapabilitySet;

use crate::failure::{Failure, FailureCode};

/// In the kernel's order: the position is the bit.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// The bits of these names (`CAP_CHOWN`).
///
/// # Errors
/// `BadRequest` for a name that is none.
pub fn set_of(names: &[String]) -> Result<CapabilitySet, Failure> {
    names.iter().try_fold(0, |set, name| {
        let bit = NAMES.iter().position(|known| name.strip_prefix("CAP_") == Some(known));
        let unknown = || Failure::new(FailureCode::BadRequest, format!("unknown capability \"{name}\""));
        Ok(set | 1 << bit.ok_or_else(unknown)?)
    })
}

/// Every capability there is a name for.
pub fn known() -> CapabilitySet {
    (1 << NAMES.len()) - 1
}
