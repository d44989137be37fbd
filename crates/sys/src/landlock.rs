//! Landlock (landlock(7)): a process gives up, for good, all access to files but what it names. Needs no privilege.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::SysResult;
use crate::raw::{check_long, own_long};

/// Rights to files (linux/landlock.h).
pub const EXECUTE: u64 = 1;
pub const WRITE_FILE: u64 = 1 << 1;
pub const READ_FILE: u64 = 1 << 2;
pub const READ_DIRECTORY: u64 = 1 << 3;
pub const REMOVE_DIRECTORY: u64 = 1 << 4;
pub const REMOVE_FILE: u64 = 1 << 5;
pub const MAKE_FILE: u64 = 1 << 8;
/// Of a file that is there; writing to one of /proc, too, may cut it first.
pub const TRUNCATE: u64 = 1 << 14;
/// Requests to devices that are opened from then on.
pub const REQUEST_DEVICE: u64 = 1 << 15;
/// Everything that changes files and names, but no device nodes other than character ones, and no sockets: writing,
/// removing, making directories, files, FIFOs, links, overlay's whiteouts; linking and renaming across directories.
pub const CHANGE: u64 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 14;

/// The same for unix sockets.
pub const MAKE_SOCKET: u64 = 1 << 9;

/// How many rights to files each version knows, the first version first: they were added one by one.
const FILE_RIGHTS: [u32; 5] = [13, 14, 15, 15, 16];
/// Version 1 forbids links from one directory to another altogether, which no layer can do without.
const FIRST_USABLE: usize = 2;
/// From version 4: binding and connecting TCP sockets.
const NET_VERSION: usize = 4;
const NET_RIGHTS: u64 = 0b11;
/// From version 6: abstract unix sockets and signals of others.
const SCOPE_VERSION: usize = 6;
const SCOPES: u64 = 0b11;

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: i32 = 1;

/// What becomes of binding and connecting TCP sockets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tcp {
    Allowed,
    Forbidden,
}

#[repr(C)]
struct RulesetAttributes {
    files: u64,
    net: u64,
    scopes: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: i32,
}

/// Allows this process (single-threaded) the given rights below each directory, and nothing else anywhere: no other
/// files, no TCP unless `tcp` says so, no abstract sockets, no signals to others, as far as this kernel can forbid them. Must
/// come after no_new_privs. `false`: this kernel has no Landlock that would do (Linux 5.19).
pub fn restrict(allowed: &[(BorrowedFd<'_>, u64)], tcp: Tcp) -> SysResult<bool> {
    let version = match version() {
        Err(error) if matches!(error.errno, libc::ENOSYS | libc::EOPNOTSUPP) => return Ok(false),
        other => other?,
    };
    if version < FIRST_USABLE {
        return Ok(false);
    }
    let rights = FILE_RIGHTS[version.min(FILE_RIGHTS.len()) - 1];
    let files = (1_u64 << rights) - 1;
    let attributes = RulesetAttributes {
        files,
        net: if version >= NET_VERSION && tcp == Tcp::Forbidden { NET_RIGHTS } else { 0 },
        scopes: if version >= SCOPE_VERSION { SCOPES } else { 0 },
    };
    // Older kernels know a shorter structure, and take a longer one if the rest is zero.
    let size = size_of::<RulesetAttributes>();
    // SAFETY: a whole structure of the given size that lives through the call.
    let made = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attributes, size, 0) };
    let ruleset = own_long(made, || "landlock_create_ruleset()".to_owned())?;
    for (directory, wanted) in allowed {
        add_rule(&ruleset, *directory, wanted & files)?;
    }
    // SAFETY: open descriptor, integers only.
    let result = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) };
    check_long(result, || "landlock_restrict_self()".to_owned()).map(|_| true)
}

fn version() -> SysResult<usize> {
    // SAFETY: asks for the version only: no structure.
    let result = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, CREATE_RULESET_VERSION)
    };
    check_long(result, || "landlock_create_ruleset(version)".to_owned())
        .map(|version| usize::try_from(version).unwrap_or(0))
}

fn add_rule(ruleset: &OwnedFd, directory: BorrowedFd<'_>, allowed: u64) -> SysResult<()> {
    let rule = PathBeneath { allowed, parent: directory.as_raw_fd() };
    // SAFETY: open descriptors; a whole rule that lives through the call.
    let result = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), RULE_PATH_BENEATH, &raw const rule, 0)
    };
    check_long(result, || format!("landlock_add_rule({allowed:#x})")).map(drop)
}
