//! The new mount API (fsopen, fsconfig, fsmount, open_tree, move_mount, mount_setattr) and pivot_root: mounts as descriptors.
//! Nothing here resolves a path that an image could have chosen: targets are descriptors.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use crate::raw::{c_string, check, check_long, own_long};
use crate::{SysError, SysResult};

/// Attributes of a mount (mount_setattr(2)).
pub const RDONLY: u64 = libc::MOUNT_ATTR_RDONLY;
pub const NOSUID: u64 = libc::MOUNT_ATTR_NOSUID;
pub const NODEV: u64 = libc::MOUNT_ATTR_NODEV;
pub const NOEXEC: u64 = libc::MOUNT_ATTR_NOEXEC;
pub const NOATIME: u64 = libc::MOUNT_ATTR_NOATIME;
pub const NODIRATIME: u64 = libc::MOUNT_ATTR_NODIRATIME;
pub const RELATIME: u64 = libc::MOUNT_ATTR_RELATIME;
pub const STRICTATIME: u64 = libc::MOUNT_ATTR_STRICTATIME;

/// How events of mounting travel (mount_namespaces(7)).
pub const PRIVATE: u64 = libc::MS_PRIVATE;
pub const SLAVE: u64 = libc::MS_SLAVE;
pub const SHARED: u64 = libc::MS_SHARED;

const FSOPEN_CLOEXEC: u32 = 1;
const FSMOUNT_CLOEXEC: u32 = 1;
const FSCONFIG_SET_FLAG: u32 = 0;
const FSCONFIG_SET_STRING: u32 = 1;
const FSCONFIG_SET_FD: u32 = 5;
const FSCONFIG_CMD_CREATE: u32 = 6;
const OPEN_TREE_CLONE: u32 = 1;
const MOVE_MOUNT_F_EMPTY_PATH: u32 = 0x4;
const MOVE_MOUNT_T_EMPTY_PATH: u32 = 0x40;
/// What the kernel says about a refused option is shorter than this.
const LOG_SIZE: usize = 512;

/// A filesystem being configured (fsopen(2)).
pub struct FilesystemContext {
    fd: OwnedFd,
    kind: &'static str,
}

impl FilesystemContext {
    /// Starts configuring a filesystem of this kind: `overlay`, `proc`, `tmpfs`.
    pub fn open(kind: &'static str) -> SysResult<Self> {
        let name = c_string(kind.as_bytes())?;
        // SAFETY: zero-terminated name.
        let result = unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), FSOPEN_CLOEXEC) };
        Ok(Self { fd: own_long(result, || format!("fsopen({kind:?})"))?, kind })
    }

    /// Sets `key` to `value`; the kernel takes at most 255 bytes.
    pub fn set(&self, key: &str, value: &str) -> SysResult<()> {
        let value_text = c_string(value.as_bytes())?;
        self.configure(FSCONFIG_SET_STRING, key, value_text.as_ptr().cast(), 0, value)
    }

    /// Sets a key that has no value.
    pub fn set_flag(&self, key: &str) -> SysResult<()> {
        self.configure(FSCONFIG_SET_FLAG, key, ptr::null(), 0, "")
    }

    /// Sets `key` to a directory that is open.
    pub fn set_fd(&self, key: &str, fd: BorrowedFd<'_>) -> SysResult<()> {
        self.configure(FSCONFIG_SET_FD, key, ptr::null(), fd.as_raw_fd(), "fd")
    }

    fn configure(&self, command: u32, key: &str, value: *const libc::c_char, extra: i32, shown: &str) -> SysResult<()> {
        let name = c_string(key.as_bytes())?;
        // SAFETY: zero-terminated strings that live through the call.
        let result =
            unsafe { libc::syscall(libc::SYS_fsconfig, self.fd.as_raw_fd(), command, name.as_ptr(), value, extra) };
        check_long(result, || format!("fsconfig({:?}, {key:?}, {shown:?}){}", self.kind, self.complaint())).map(drop)
    }

    /// Makes the filesystem and a detached mount of it with these attributes.
    pub fn mount(self, attributes: u64) -> SysResult<OwnedFd> {
        // SAFETY: no pointers but null.
        let made = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                self.fd.as_raw_fd(),
                FSCONFIG_CMD_CREATE,
                ptr::null::<u8>(),
                ptr::null::<u8>(),
                0,
            )
        };
        check_long(made, || format!("fsconfig({:?}, create){}", self.kind, self.complaint()))?;
        // SAFETY: integers only.
        let mounted =
            unsafe { libc::syscall(libc::SYS_fsmount, self.fd.as_raw_fd(), FSMOUNT_CLOEXEC, attributes as u32) };
        own_long(mounted, || format!("fsmount({:?})", self.kind))
    }

    /// The kernel's own words about the last failure, as ` [...]`, or nothing. Keeps errno for the caller.
    fn complaint(&self) -> String {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        let mut buffer = [0_u8; LOG_SIZE];
        // SAFETY: the buffer is valid for its length; reading a context gives one message of its log.
        let count = unsafe { libc::read(self.fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        // SAFETY: errno is this thread's own.
        unsafe { *libc::__errno_location() = errno };
        let text = String::from_utf8_lossy(&buffer[..usize::try_from(count).unwrap_or(0)]).trim().to_owned();
        if text.is_empty() { String::new() } else { format!(" [{text}]") }
    }
}

/// A detached copy of the mount at (or below) `path`, with its submounts if `recursive`; `path` may be empty for `directory` itself.
pub fn clone_tree(directory: BorrowedFd<'_>, path: &CStr, recursive: bool) -> SysResult<OwnedFd> {
    let mut flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as u32;
    if recursive {
        flags |= libc::AT_RECURSIVE as u32;
    }
    if path.is_empty() {
        flags |= libc::AT_EMPTY_PATH as u32;
    }
    // SAFETY: zero-terminated path.
    let result = unsafe { libc::syscall(libc::SYS_open_tree, directory.as_raw_fd(), path.as_ptr(), flags) };
    own_long(result, || format!("open_tree({}, {path:?})", directory.as_raw_fd()))
}

/// A detached copy of the mount an open descriptor stands on.
pub fn clone_of(fd: BorrowedFd<'_>, recursive: bool) -> SysResult<OwnedFd> {
    clone_tree(fd, c"", recursive)
}

/// Attaches a detached mount over the directory or file that `target` is.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> SysResult<()> {
    let flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: zero-terminated paths.
    let result = unsafe {
        libc::syscall(libc::SYS_move_mount, mount.as_raw_fd(), c"".as_ptr(), target.as_raw_fd(), c"".as_ptr(), flags)
    };
    check_long(result, || format!("move_mount({}, {})", mount.as_raw_fd(), target.as_raw_fd())).map(drop)
}

/// mount(2) over an open directory, for kernels whose new mount API cannot do it; nodev. Returns the mount's own top directory.
pub fn mount_over(kind: &str, target: BorrowedFd<'_>, options: &str) -> SysResult<OwnedFd> {
    let (name, data) = (c_string(kind.as_bytes())?, c_string(options.as_bytes())?);
    let place = c_string(crate::file::path_of(target).as_bytes())?;
    // SAFETY: zero-terminated strings.
    let result =
        unsafe { libc::mount(name.as_ptr(), place.as_ptr(), name.as_ptr(), libc::MS_NODEV, data.as_ptr().cast()) };
    check(result, || format!("mount({kind:?}, {options:?})"))?;
    // The descriptor still shows what lies under the mount; only walking there again leads onto it.
    let real = std::fs::read_link(crate::file::path_of(target))
        .map_err(|error| SysError::from_io("readlink(mount target)", &error))?;
    crate::file::open(&real.to_string_lossy(), libc::O_PATH | libc::O_DIRECTORY)
}

/// Adds attributes and, if not 0, changes the propagation of a mount and, if `recursive`, all below it.
pub fn set_attributes(mount: BorrowedFd<'_>, attributes: u64, propagation: u64, recursive: bool) -> SysResult<()> {
    let request = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the request lives through the call and its size is given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            ptr::from_ref(&request),
            size_of::<libc::mount_attr>(),
        )
    };
    check_long(result, || format!("mount_setattr({}, {attributes:#x})", mount.as_raw_fd())).map(drop)
}

/// Makes the mount that `root` is the root of everything, and lets go of the old one (pivot_root(2), NOTES).
pub fn pivot_into(root: BorrowedFd<'_>) -> SysResult<()> {
    // SAFETY: open descriptor; zero-terminated paths.
    unsafe {
        check(libc::fchdir(root.as_raw_fd()), || "fchdir(new root)".to_owned())?;
        check_long(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()), || {
            "pivot_root(\".\", \".\")".to_owned()
        })?;
        // The old root now lies over the new one at "/": the topmost mount there is the one to go.
        check(libc::umount2(c".".as_ptr(), libc::MNT_DETACH), || "umount2(\".\", MNT_DETACH)".to_owned())?;
        check(libc::chdir(c"/".as_ptr()), || "chdir(\"/\")".to_owned()).map(drop)
    }
}

/// What kind of filesystem a descriptor lies on (statfs(2) magic numbers).
pub fn filesystem_type(fd: impl AsFd) -> SysResult<i64> {
    let fd = fd.as_fd();
    // SAFETY: statfs is plain data and lives through the call.
    unsafe {
        let mut facts: libc::statfs = std::mem::zeroed();
        check(libc::fstatfs(fd.as_raw_fd(), &raw mut facts), || format!("fstatfs({})", fd.as_raw_fd()))?;
        // Its type differs between C libraries; the numbers are those of the kernel's 32-bit constants.
        Ok(facts.f_type as i64)
    }
}

/// `RDONLY`, `NOSUID`, `NODEV` and `NOEXEC`, as far as the mount behind a descriptor has them.
pub fn attributes(mount: BorrowedFd<'_>) -> SysResult<u64> {
    // SAFETY: statvfs is plain data and lives through the call.
    let flags = unsafe {
        let mut facts: libc::statvfs = std::mem::zeroed();
        check(libc::fstatvfs(mount.as_raw_fd(), &raw mut facts), || format!("fstatvfs({})", mount.as_raw_fd()))?;
        facts.f_flag
    };
    let pairs =
        [(libc::ST_RDONLY, RDONLY), (libc::ST_NOSUID, NOSUID), (libc::ST_NODEV, NODEV), (libc::ST_NOEXEC, NOEXEC)];
    Ok(pairs.iter().filter(|(flag, _)| flags & flag != 0).fold(0, |set, (_, attribute)| set | attribute))
}

/// Whether a failed mount call means that this kernel or host does not allow it at all.
pub fn is_refused(error: &SysError) -> bool {
    matches!(error.errno, libc::EPERM | libc::ENOSYS | libc::ENODEV | libc::EACCES)
}
