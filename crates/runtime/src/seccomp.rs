//! Seccomp: policy → BPF. docker's default set, narrowed; docker's JSON profiles; nothing installed here.
//!
//! `policy` says what each system call may do, `profile` reads a docker profile into the same form,
//! `program` turns it into instructions. Denials come before permissions; int arguments are compared by their
//! low 32 bits, as the kernel itself reads them.

mod network;
mod oci;
mod policy;
mod profile;
mod program;
mod table;
mod worker;

use crate::failure::Failure;
use crate::spec::Seccomp;

/// One instruction of classic BPF, as the kernel's `sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SockFilter {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

/// The filter for a process with the bounding set `capabilities` (names as `CAP_CHOWN`); empty: no filter.
///
/// # Errors
/// `BadRequest` when a profile does not have docker's form or names an unknown action, operator or too large a filter.
pub fn compile(seccomp: &Seccomp, capabilities: &[String]) -> Result<Vec<SockFilter>, Failure> {
    match seccomp {
        Seccomp::Unconfined => Ok(Vec::new()),
        Seccomp::Default => program::assemble(&policy::default_policy(capabilities)),
        Seccomp::Profile { profile } => program::assemble(&profile::read(profile, capabilities)?),
    }
}

/// The same as the OCI's `linux.seccomp`, for another runtime to install; `None`: no filter.
///
/// # Errors
/// As of `compile`.
pub fn describe(seccomp: &Seccomp, capabilities: &[String]) -> Result<Option<serde_json::Value>, Failure> {
    match seccomp {
        Seccomp::Unconfined => Ok(None),
        Seccomp::Default => oci::describe(&policy::default_policy(capabilities)).map(Some),
        Seccomp::Profile { profile } => profile::resolve(profile, capabilities).map(Some),
    }
}

/// The filter for the network keeper.
///
/// # Errors
/// None in practice: the policy is our own.
pub fn compile_network() -> Result<Vec<SockFilter>, Failure> {
    program::assemble(&network::policy())
}

/// The filter for a worker that is locked in.
///
/// # Errors
/// None in practice: the policy is our own.
pub fn compile_worker() -> Result<Vec<SockFilter>, Failure> {
    program::assemble(&worker::policy())
}
