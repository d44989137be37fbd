//! What the kernel tells about a file and its file system.

use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{check, terminate};
use crate::SysResult;

/// A point in time as the kernel keeps it for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FileTime {
    pub seconds: i64,
    /// Below 10^9.
    pub nanoseconds: u32,
}

impl FileTime {
    pub(super) fn to_kernel(self) -> libc::timespec {
        // SAFETY: timespec is plain data; zeroed because some targets pad it.
        let mut time: libc::timespec = unsafe { mem::zeroed() };
        time.tv_sec = self.seconds;
        time.tv_nsec = self.nanoseconds.into();
        time
    }
}

/// What stat(2) tells, less what nobody here asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Type and permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub device: u64,
    pub inode: u64,
    pub links: u64,
    /// The device that a device node stands for.
    pub node: u64,
    pub modified: FileTime,
    /// In units of 512 bytes, whatever the file system's own.
    pub blocks: u64,
}

impl Status {
    /// One of `S_IFREG`, `S_IFDIR`, …
    pub fn kind(&self) -> u32 {
        self.mode & libc::S_IFMT
    }

    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    pub fn is_directory(&self) -> bool {
        self.kind() == libc::S_IFDIR
    }

    pub fn is_regular(&self) -> bool {
        self.kind() == libc::S_IFREG
    }

    pub fn is_symlink(&self) -> bool {
        self.kind() == libc::S_IFLNK
    }

    /// Overlay's mark for "removed here": character device 0:0.
    pub fn is_whiteout(&self) -> bool {
        self.kind() == libc::S_IFCHR && self.node == 0
    }
}

/// The number of a device node (makedev(3)).
pub fn device_number(major: u32, minor: u32) -> u64 {
    libc::makedev(major, minor)
}

/// fstatat(2) of the name itself, never of what a link there points to.
pub fn status_at(directory: BorrowedFd<'_>, name: &[u8]) -> SysResult<Status> {
    stat(directory, name, libc::AT_SYMLINK_NOFOLLOW)
}

/// fstat(2); works on O_PATH descriptors too.
pub fn status(file: BorrowedFd<'_>) -> SysResult<Status> {
    stat(file, b"", libc::AT_EMPTY_PATH)
}

fn stat(directory: BorrowedFd<'_>, name: &[u8], flags: i32) -> SysResult<Status> {
    let path = terminate(name)?;
    // SAFETY: stat is plain data that the call fills; zero-terminated path, open descriptor.
    let raw = unsafe {
        let mut raw: libc::stat = mem::zeroed();
        check(libc::fstatat(directory.as_raw_fd(), path.as_ptr(), &raw mut raw, flags), || {
            format!("fstatat(\"{}\")", name.escape_ascii())
        })?;
        raw
    };
    #[allow(clippy::useless_conversion)] // st_nlink is 32 bits wide on arm64
    Ok(Status {
        mode: raw.st_mode,
        uid: raw.st_uid,
        gid: raw.st_gid,
        size: raw.st_size.cast_unsigned(),
        device: raw.st_dev,
        inode: raw.st_ino,
        links: u64::from(raw.st_nlink),
        node: raw.st_rdev,
        modified: FileTime { seconds: raw.st_mtime, nanoseconds: u32::try_from(raw.st_mtime_nsec).unwrap_or(0) },
        blocks: raw.st_blocks.cast_unsigned(),
    })
}

/// Bytes that an ordinary user may still write to the file system of an open file (fstatfs(2)).
pub fn free_bytes(file: BorrowedFd<'_>) -> SysResult<u64> {
    // SAFETY: statfs is plain data that the call fills; open descriptor.
    let raw = unsafe {
        let mut raw: libc::statfs = mem::zeroed();
        check(libc::fstatfs(file.as_raw_fd(), &raw mut raw), || "fstatfs()".to_owned())?;
        raw
    };
    Ok(raw.f_bavail.saturating_mul(u64::try_from(raw.f_bsize).unwrap_or(0)))
}
