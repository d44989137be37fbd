//! Who a process is: ids, groups, capabilities, no_new_privs, seccomp, limits, keyring. Changes this process only.

use std::{mem, ptr};

use crate::raw::{check, check_long};
use crate::{SysError, SysResult};

/// linux/capability.h: the version with two 32-bit words.
const CAPABILITY_VERSION: u32 = 0x2008_0522;
/// keyctl(2).
const KEYCTL_JOIN_SESSION_KEYRING: i32 = 1;
const KEYCTL_SETPERM: i32 = 5;
const KEY_SPEC_SESSION_KEYRING: i32 = -3;
/// KEY_USR_SEARCH: enough to join the keyring by its name, of no use to look into it.
const KEYRING_PERMISSIONS: u32 = 0x0008_0000;

/// One 64-bit set of capabilities: bit n is capability n of capabilities(7).
pub type CapabilitySet = u64;

pub fn effective_user() -> u32 {
    // SAFETY: cannot fail.
    unsafe { libc::geteuid() }
}

/// Replaces the supplementary groups.
pub fn set_groups(groups: &[u32]) -> SysResult<()> {
    // SAFETY: the slice is valid for its length; the raw call, as libc's would speak to threads there are none of.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    check_long(result, || format!("setgroups({groups:?})")).map(drop)
}

/// Real, effective and saved group id.
pub fn set_group(gid: u32) -> SysResult<()> {
    // SAFETY: integers only.
    check_long(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) }, || format!("setresgid({gid})")).map(drop)
}

/// Real, effective and saved user id.
pub fn set_user(uid: u32) -> SysResult<()> {
    // SAFETY: integers only.
    check_long(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }, || format!("setresuid({uid})")).map(drop)
}

/// Whose the files are that this thread makes from now on; its capabilities stay as they are (setfsuid(2), capabilities(7)).
pub fn set_file_owner((uid, gid): (u32, u32)) -> SysResult<()> {
    const SECBIT_NO_SETUID_FIXUP: libc::c_ulong = 1 << 2;
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) }, || {
        "prctl(PR_SET_SECUREBITS)".to_owned()
    })?;
    // SAFETY: integers only. Both answer with the id before, whatever came of it.
    unsafe {
        libc::syscall(libc::SYS_setfsgid, gid);
        libc::syscall(libc::SYS_setfsuid, uid);
    }
    Ok(())
}

/// Whether a change of the user id leaves the permitted capabilities alone (until the next exec).
pub fn keep_capabilities(keep: bool) -> SysResult<()> {
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, libc::c_int::from(keep)) }, || {
        "prctl(PR_SET_KEEPCAPS)".to_owned()
    })
    .map(drop)
}

/// The three sets of this process (capset(2)).
pub fn set_capabilities(
    effective: CapabilitySet,
    permitted: CapabilitySet,
    inheritable: CapabilitySet,
) -> SysResult<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    #[repr(C)]
    struct Data {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    let header = Header { version: CAPABILITY_VERSION, pid: 0 };
    let half = |shift: u32| Data {
        effective: (effective >> shift) as u32,
        permitted: (permitted >> shift) as u32,
        inheritable: (inheritable >> shift) as u32,
    };
    let data = [half(0), half(32)];
    // SAFETY: version 3 takes one header and two data elements, which live through the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) };
    check_long(result, || format!("capset({permitted:#x})")).map(drop)
}

/// Takes everything out of the bounding set that is not in `kept`.
pub fn limit_bounding_set(kept: CapabilitySet) -> SysResult<()> {
    for capability in 0..CapabilitySet::BITS {
        // SAFETY: integers only.
        let known = unsafe { libc::prctl(libc::PR_CAPBSET_READ, capability) };
        if known < 0 {
            // Past the kernel's last capability.
            return Ok(());
        }
        if known == 1 && kept & (1 << capability) == 0 {
            // SAFETY: integers only.
            check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability) }, || {
                format!("prctl(PR_CAPBSET_DROP, {capability})")
            })?;
        }
    }
    Ok(())
}

/// The ambient set becomes exactly `wanted`, which must be permitted and inheritable.
pub fn set_ambient(wanted: CapabilitySet) -> SysResult<()> {
    const AMBIENT_RAISE: i32 = 2;
    const AMBIENT_CLEAR_ALL: i32 = 4;
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL, 0, 0, 0) }, || {
        "prctl(PR_CAP_AMBIENT_CLEAR_ALL)".to_owned()
    })?;
    for capability in (0..CapabilitySet::BITS).filter(|bit| wanted & (1 << bit) != 0) {
        // SAFETY: integers only.
        check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, AMBIENT_RAISE, capability, 0, 0) }, || {
            format!("prctl(PR_CAP_AMBIENT_RAISE, {capability})")
        })?;
    }
    Ok(())
}

/// From now on no exec gives more than this process has.
pub fn set_no_new_privileges() -> SysResult<()> {
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, || "prctl(PR_SET_NO_NEW_PRIVS)".to_owned())
        .map(drop)
}

/// One instruction of classic BPF as (code, jt, jf, k), the kernel's `sock_filter`.
pub type FilterInstruction = (u16, u8, u8, u32);

/// Installs a filter over everything this process does from now on; refused calls that are to be logged are.
pub fn install_filter(program: &[FilterInstruction]) -> SysResult<()> {
    const SECCOMP_SET_MODE_FILTER: u32 = 1;
    const SECCOMP_FILTER_FLAG_LOG: u32 = 2;
    let instructions: Vec<libc::sock_filter> =
        program.iter().map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k }).collect();
    let length =
        u16::try_from(instructions.len()).map_err(|_| SysError::new("seccomp(filter too long)", libc::E2BIG))?;
    let request = libc::sock_fprog { len: length, filter: instructions.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program, which lives through the call.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &raw const request)
    };
    check_long(result, || format!("seccomp({} instructions)", program.len())).map(drop)
}

/// A resource limit by its number (getrlimit(2)); `u64::MAX` is unlimited.
pub fn set_limit(resource: i32, soft: u64, hard: u64) -> SysResult<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the limit lives through the call.
    let result = unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, &raw const limit, ptr::null_mut::<u8>()) };
    check_long(result, || format!("prlimit({resource}, {soft}, {hard})")).map(drop)
}

/// The present soft and hard limit.
pub fn limit(resource: i32) -> SysResult<(u64, u64)> {
    // SAFETY: rlimit is plain data and lives through the call.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        let result = libc::syscall(libc::SYS_prlimit64, 0, resource, ptr::null::<u8>(), &raw mut limit);
        check_long(result, || format!("prlimit({resource})"))?;
        Ok((limit.rlim_cur, limit.rlim_max))
    }
}

/// Joins the session keyring of this name in this user namespace, made without anything in it if there is none, and closed to
/// reading and writing for everybody.
pub fn join_empty_keyring(name: &std::ffi::CStr) -> SysResult<()> {
    // SAFETY: zero-terminated name.
    let joined = unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name.as_ptr()) };
    check_long(joined, || "keyctl(JOIN_SESSION_KEYRING)".to_owned())?;
    // Refused when somebody closed it before us: then nothing is left to do.
    // SAFETY: integers only.
    unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, KEYRING_PERMISSIONS) };
    Ok(())
}

/// umask(2).
pub fn set_umask(mask: u32) {
    // SAFETY: cannot fail.
    unsafe { libc::umask(mask) };
}
