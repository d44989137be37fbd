//! Paths with attacker data: every lookup of such a path inside a root goes through here, and nowhere else.
//!
//! The root directory is `/` for the lookup: absolute links start there, `..` cannot leave it (openat2(2),
//! RESOLVE_IN_ROOT), and procfs's links into open files are refused. What is found comes back as a descriptor, and what
//! follows must use that descriptor (`*_at` with one component, no link followed), never the path again.
//! Somebody inside may rename while we look: the answer may then be stale, but it is always inside.

mod walk;

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{
    self, O_DIRECTORY, O_NOCTTY, O_NONBLOCK, O_PATH, O_RDONLY, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV,
};
use bunker_sys::{SysError, SysResult};

const EAGAIN: i32 = 11;
const EINVAL: i32 = 22;
const EFBIG: i32 = 27;
/// A `..` lookup that races with any rename on the machine is EAGAIN: as libpathrs, many tries, then give up.
const ATTEMPTS: u32 = 128;

/// Opens `path` inside `root` (openat2(2)) with `flags` (O_*, close-on-exec is added); makes nothing, so no O_CREAT.
/// A relative path counts from the root as well. Links are followed inside, the last one too unless O_NOFOLLOW says no.
///
/// # Errors
/// openat2's; EAGAIN after 128 lookups that each raced with a rename.
pub fn open(root: BorrowedFd<'_>, path: &[u8], flags: i32) -> SysResult<OwnedFd> {
    look_up(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
}

/// As `open`, but never into another mount than the root's own.
///
/// # Errors
/// EXDEV where the path leads into one.
pub fn open_same_mount(root: BorrowedFd<'_>, path: &[u8], flags: i32) -> SysResult<OwnedFd> {
    look_up(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
}

fn look_up(root: BorrowedFd<'_>, path: &[u8], flags: i32, resolve: u64) -> SysResult<OwnedFd> {
    let mut attempt = 1;
    loop {
        match path::open_at2(root, path, flags, resolve) {
            Err(error) if error.errno == EAGAIN && attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

/// `mkdir -p` inside `root`: an O_PATH descriptor of the directory at `path`, made with its parents where missing (`mode`
/// less the umask). Links are followed inside; where one dangles, its target is made.
///
/// # Errors
/// ENOTDIR where something else is in the way, ELOOP after 40 links, and the system calls' own.
pub fn make_directories(root: BorrowedFd<'_>, path: &[u8], mode: u32) -> SysResult<OwnedFd> {
    match open(root, path, O_PATH | O_DIRECTORY) {
        Ok(found) => Ok(found),
        Err(_) => walk::make(root, path, walk::Leaf::Directory, mode),
    }
}

/// An O_PATH descriptor of what is at `path` if it is not a directory, else of a new empty file with `mode` (less the
/// umask); missing parents are made 0755. Links are followed inside, as with `make_directories`. For mount targets.
///
/// # Errors
/// EISDIR where a directory is, and those of `make_directories`.
pub fn make_file(root: BorrowedFd<'_>, path: &[u8], mode: u32) -> SysResult<OwnedFd> {
    walk::make(root, path, walk::Leaf::File, mode)
}

/// Cuts a path into its parent (maybe empty: the root) and its last component, trailing slashes aside.
///
/// # Errors
/// EINVAL where there is no last component to act on: the root itself, or a path that ends in `.` or `..`.
pub fn parent_and_name(path: &[u8]) -> SysResult<(&[u8], &[u8])> {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let start = path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    match &path[start..end] {
        b"" | b"." | b".." => Err(SysError::new(format!("last component of \"{}\"", path.escape_ascii()), EINVAL)),
        name => Ok((&path[..start], name)),
    }
}

/// The content of a regular file of at most `limit` bytes. A FIFO or device there is refused and cannot make us wait.
///
/// # Errors
/// EINVAL for anything but a regular file, EFBIG for one that is larger, and the system calls' own.
pub fn read_file(root: BorrowedFd<'_>, path: &[u8], limit: usize) -> SysResult<Vec<u8>> {
    let call = || format!("read_file(\"{}\")", path.escape_ascii());
    let file = open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY)?;
    if !path::status(file.as_fd())?.is_regular() {
        return Err(SysError::new(format!("{}: not a regular file", call()), EINVAL));
    }
    let mut content = Vec::new();
    let readable = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::from(file)
        .take(readable)
        .read_to_end(&mut content)
        .map_err(|error| SysError::from_io(call(), &error))?;
    if content.len() > limit {
        return Err(SysError::new(format!("{}: more than {limit} bytes", call()), EFBIG));
    }
    Ok(content)
}

#[cfg(test)]
#[path = "inroot/inroot_test.rs"]
mod tests;
