//! Directory listings as the kernel writes them (getdents64(2)), into a buffer that the caller reuses.

use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;
use crate::SysResult;

/// `struct linux_dirent64`: inode, offset (8 bytes each), record length (2), type (1), then the name.
const LENGTH_OFFSET: usize = 16;
const TYPE_OFFSET: usize = 18;
const NAME_OFFSET: usize = 19;

/// One name, without `.` and `..`.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryEntry<'a> {
    pub name: &'a [u8],
    /// What the listing says; `None` where the file system does not tell.
    pub is_directory: Option<bool>,
}

/// The next batch of a directory open for reading: how many bytes of `buffer` it filled; 0 at the end.
pub fn read_entries(directory: BorrowedFd<'_>, buffer: &mut [u8]) -> SysResult<usize> {
    // SAFETY: open descriptor, a buffer valid for its length.
    let count =
        unsafe { libc::syscall(libc::SYS_getdents64, directory.as_raw_fd(), buffer.as_mut_ptr(), buffer.len()) };
    check(count as i32, || "getdents64()".to_owned()).map(|count| count.unsigned_abs() as usize)
}

/// Starts the listing anew.
pub fn rewind(directory: BorrowedFd<'_>) -> SysResult<()> {
    // SAFETY: open descriptor.
    let position = unsafe { libc::lseek(directory.as_raw_fd(), 0, libc::SEEK_SET) };
    check(position as i32, || "lseek(directory, 0)".to_owned()).map(drop)
}

/// The names in a batch.
pub fn entries(batch: &[u8]) -> impl Iterator<Item = DirectoryEntry<'_>> {
    let mut rest = batch;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes([*rest.get(LENGTH_OFFSET)?, *rest.get(LENGTH_OFFSET + 1)?]));
        let record = rest.get(..length)?;
        rest = &rest[length..];
        let name = record.get(NAME_OFFSET..)?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let is_directory = match record[TYPE_OFFSET] {
            libc::DT_UNKNOWN => None,
            kind => Some(kind == libc::DT_DIR),
        };
        Some(DirectoryEntry { name: &name[..end], is_directory })
    })
    .filter(|entry| entry.name != b"." && entry.name != b"..")
}
