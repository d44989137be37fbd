//! Namespaces: making, joining, and asking who they belong to (namespaces(7), ioctl_nsfs(2)).

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::raw::{check, own};
use crate::{SysError, SysResult};

pub const USER: i32 = libc::CLONE_NEWUSER;
pub const MOUNT: i32 = libc::CLONE_NEWNS;
pub const PID: i32 = libc::CLONE_NEWPID;
pub const IPC: i32 = libc::CLONE_NEWIPC;
pub const UTS: i32 = libc::CLONE_NEWUTS;
pub const NETWORK: i32 = libc::CLONE_NEWNET;
pub const CGROUP: i32 = libc::CLONE_NEWCGROUP;
/// linux/sched.h; not in libc for every target.
pub const TIME: i32 = 0x80;

/// linux/nsfs.h: _IO(0xb7, 0x2).
const NS_GET_PARENT: u32 = 0xb702;

/// Moves this (single-threaded) process into new namespaces.
pub fn unshare(flags: i32) -> SysResult<()> {
    // SAFETY: integer argument.
    check(unsafe { libc::unshare(flags) }, || format!("unshare({flags:#x})")).map(drop)
}

/// Joins the namespace behind a descriptor; with a pidfd, those of its process named by `flags`.
pub fn join(fd: BorrowedFd<'_>, flags: i32) -> SysResult<()> {
    // SAFETY: open descriptor, integer argument.
    check(unsafe { libc::setns(fd.as_raw_fd(), flags) }, || format!("setns({}, {flags:#x})", fd.as_raw_fd())).map(drop)
}

/// Opens a namespace of a process by its name under `/proc/<pid>/ns`.
pub fn open(pid: i32, name: &str) -> SysResult<OwnedFd> {
    crate::client::files::open(&format!("/proc/{pid}/ns/{name}"), libc::O_RDONLY)
}

/// The user namespace above a user namespace.
pub fn parent(user_namespace: BorrowedFd<'_>) -> SysResult<OwnedFd> {
    // SAFETY: open descriptor; the ioctl takes no argument and returns a descriptor.
    own(unsafe { libc::ioctl(user_namespace.as_raw_fd(), NS_GET_PARENT as _) }, || "ioctl(NS_GET_PARENT)".to_owned())
}

/// What tells one namespace from another: its inode on nsfs.
pub fn identity(namespace: BorrowedFd<'_>) -> SysResult<u64> {
    crate::path::status(namespace).map(|status| status.inode)
}

/// Whether an error says that user namespaces (or this one) cannot be had here.
pub fn is_refused(error: &SysError) -> bool {
    matches!(error.errno, libc::EPERM | libc::EACCES | libc::ENOSYS | libc::ENOSPC | libc::EUSERS | libc::EINVAL)
}
