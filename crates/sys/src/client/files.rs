//! Opening, syncing and laying out files in directories that are ours alone (the data home). Paths with attacker data never
//! come here: those belong to `path`.

use std::ffi::CString;
use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{check, own, retry};
use crate::{SysError, SysResult};

/// One thing to make below a base directory: a file when it has content, else a directory.
pub struct TreeEntry {
    /// Relative, without `..`; parents come before their children.
    pub path: String,
    /// Permission bits, exact whatever the umask.
    pub mode: u32,
    pub content: Option<String>,
}

/// A path for the kernel; a NUL inside is EINVAL, as no path can hold one.
pub(crate) fn c_path(path: &str) -> SysResult<CString> {
    CString::new(path).map_err(|_| SysError::new(format!("path {path:?}"), libc::EINVAL))
}

/// open(2) with O_CLOEXEC added and mode 0600 for what it makes.
pub fn open(path: &str, flags: i32) -> SysResult<OwnedFd> {
    let name = c_path(path)?;
    // SAFETY: zero-terminated path.
    own(unsafe { libc::open(name.as_ptr(), flags | libc::O_CLOEXEC, 0o600) }, || format!("open({path:?})"))
}

/// syncfs(2): everything written so far to the filesystem that `path` lies on.
pub fn sync_filesystem(path: &str) -> SysResult<()> {
    let place = open(path, libc::O_RDONLY)?;
    // SAFETY: open descriptor.
    check(unsafe { libc::syncfs(place.as_raw_fd()) }, || format!("syncfs({path:?})")).map(drop)
}

/// fsync(2) of a directory: its names (a rename in it) are durable.
pub fn sync_directory(path: &str) -> SysResult<()> {
    let place = open(path, libc::O_RDONLY | libc::O_DIRECTORY)?;
    // SAFETY: open descriptor.
    check(unsafe { libc::fsync(place.as_raw_fd()) }, || format!("fsync({path:?})")).map(drop)
}

/// Makes directories and files below `base`, in order. `base` itself is made (0700) when missing, its parent is not.
/// A directory that is there already stays as it is: it may be a container's or volume's by now, with another owner and mode. A file that
/// is there is replaced by rename.
pub fn make_tree(base: &str, entries: &[TreeEntry]) -> SysResult<()> {
    let name = c_path(base)?;
    // SAFETY: zero-terminated path.
    let made = unsafe { libc::mkdir(name.as_ptr(), 0o700) };
    match check(made, || format!("mkdir({base:?})")) {
        Err(error) if error.errno != libc::EEXIST => return Err(error),
        _ => {}
    }
    let root = open(base, libc::O_RDONLY | libc::O_DIRECTORY)?;
    for entry in entries {
        require_inside(base, &entry.path)?;
        match &entry.content {
            None => make_directory(&root, entry)?,
            Some(content) => write_file(&root, entry, content)?,
        }
    }
    Ok(())
}

fn require_inside(base: &str, path: &str) -> SysResult<()> {
    let inside = !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "..");
    if inside { Ok(()) } else { Err(SysError::new(format!("make_tree({base:?}, {path:?})"), libc::EINVAL)) }
}

fn make_directory(root: &OwnedFd, entry: &TreeEntry) -> SysResult<()> {
    let name = c_path(&entry.path)?;
    // SAFETY: zero-terminated path, open directory.
    let made = unsafe { libc::mkdirat(root.as_raw_fd(), name.as_ptr(), 0o700) };
    match check(made, || format!("mkdirat({:?})", entry.path)) {
        Err(error) if error.errno == libc::EEXIST => return Ok(()),
        other => other?,
    };
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: as above.
    let directory =
        own(unsafe { libc::openat(root.as_raw_fd(), name.as_ptr(), flags) }, || format!("openat({:?})", entry.path))?;
    set_mode(&directory, entry)
}

fn set_mode(fd: &OwnedFd, entry: &TreeEntry) -> SysResult<()> {
    // SAFETY: open descriptor.
    check(unsafe { libc::fchmod(fd.as_raw_fd(), entry.mode) }, || format!("fchmod({:?}, {:o})", entry.path, entry.mode))
        .map(drop)
}

fn write_file(root: &OwnedFd, entry: &TreeEntry, content: &str) -> SysResult<()> {
    match create_file(root, &entry.path) {
        Ok(file) => fill(file, entry, content),
        Err(error) if error.errno == libc::EEXIST => replace_file(root, entry, content),
        Err(error) => Err(error),
    }
}

fn create_file(root: &OwnedFd, path: &str) -> SysResult<OwnedFd> {
    let name = c_path(path)?;
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: zero-terminated path, open directory.
    own(unsafe { libc::openat(root.as_raw_fd(), name.as_ptr(), flags, 0o600) }, || format!("openat({path:?}, O_CREAT)"))
}

fn fill(file: OwnedFd, entry: &TreeEntry, content: &str) -> SysResult<()> {
    set_mode(&file, entry)?;
    std::fs::File::from(file)
        .write_all(content.as_bytes())
        .map_err(|error| SysError::from_io(format!("write({:?})", entry.path), &error))
}

/// The name beside it is fixed, so what a crash left is overwritten by the next attempt.
fn replace_file(root: &OwnedFd, entry: &TreeEntry, content: &str) -> SysResult<()> {
    let aside_path = format!("{}.new", entry.path);
    let (aside, name) = (c_path(&aside_path)?, c_path(&entry.path)?);
    // SAFETY: zero-terminated path, open directory; a missing file is what we want.
    unsafe { libc::unlinkat(root.as_raw_fd(), aside.as_ptr(), 0) };
    fill(create_file(root, &aside_path)?, entry, content)?;
    // SAFETY: as above.
    let renamed = unsafe { libc::renameat(root.as_raw_fd(), aside.as_ptr(), root.as_raw_fd(), name.as_ptr()) };
    check(renamed, || format!("renameat({:?})", entry.path)).map(drop)
}

/// Writes all of `bytes`.
pub(crate) fn write_all(fd: BorrowedFd<'_>, bytes: &[u8], call: impl Fn() -> String) -> SysResult<()> {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &bytes[done..];
        // SAFETY: the buffer is valid for its length.
        done += retry(|| unsafe { libc::write(fd.as_raw_fd(), rest.as_ptr().cast(), rest.len()) }, &call)?;
    }
    Ok(())
}

/// Ends of a pipe(2), both close-on-exec: (reading, writing).
pub fn make_pipe() -> SysResult<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: a valid array of two ints.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, || "pipe2()".to_owned())?;
    Ok((own(ends[0], String::new)?, own(ends[1], String::new)?))
}

/// An eventfd(2): its reader waits for, and takes, the sum of what was added.
pub fn make_counter() -> SysResult<OwnedFd> {
    // SAFETY: integers only.
    own(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }, || "eventfd()".to_owned())
}

/// Adds to a counter that JavaScript holds as a number.
pub fn add_to_counter(counter: i32, amount: u64) -> SysResult<()> {
    let counter = super::borrow(counter)?;
    write_all(counter, &amount.to_ne_bytes(), || "write(eventfd)".to_owned())
}
