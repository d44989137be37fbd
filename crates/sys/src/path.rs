//! File system calls relative to a directory descriptor, with byte paths. Nothing here decides where a path may lead: that
//! is `bunker_runtime::inroot`'s, or the caller names a single component and forbids links.

mod content;
mod listing;
mod status;

use std::ffi::{CString, c_char};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::raw::check_long;
use crate::{SysError, SysResult};

pub use content::{
    clone_file, copy_range, read_at, read_some, set_length, skip_hole, skip_to_data, write_all, write_at,
};
pub use libc::{
    O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_TMPFILE,
    O_TRUNC, O_WRONLY, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK,
};
pub use listing::{DirectoryEntry, entries, read_entries, rewind};
pub use status::{FileTime, Status, device_number, free_bytes, status, status_at};

/// openat2(2): `..` and absolute links stay inside the directory, which is `/` for this lookup.
pub const RESOLVE_IN_ROOT: u64 = libc::RESOLVE_IN_ROOT;
/// openat2(2): procfs's links that jump to an open file are refused.
pub const RESOLVE_NO_MAGICLINKS: u64 = libc::RESOLVE_NO_MAGICLINKS;
/// openat2(2): no link at all, in any component.
pub const RESOLVE_NO_SYMLINKS: u64 = libc::RESOLVE_NO_SYMLINKS;
/// No other mount than the one that the lookup begins in.
pub const RESOLVE_NO_XDEV: u64 = libc::RESOLVE_NO_XDEV;

/// Paths up to this length are terminated on the stack: nearly all of them are names of one component.
const STACK_PATH: usize = 256;
/// The longest target a symbolic link can have (PATH_MAX).
const LINK_TARGET_LIMIT: usize = 4096;

/// A path with the zero byte the kernel wants.
struct Terminated {
    stack: [MaybeUninit<u8>; STACK_PATH],
    heap: Option<CString>,
}

impl Terminated {
    fn as_ptr(&self) -> *const c_char {
        self.heap.as_ref().map_or_else(|| self.stack.as_ptr().cast(), |text| text.as_ptr())
    }
}

/// A NUL inside is EINVAL: the kernel would silently take the part before it.
fn terminate(path: &[u8]) -> SysResult<Terminated> {
    let refused = || SysError::new(format!("path \"{}\"", path.escape_ascii()), libc::EINVAL);
    let mut result = Terminated { stack: [MaybeUninit::uninit(); STACK_PATH], heap: None };
    if path.len() >= STACK_PATH {
        result.heap = Some(CString::new(path).map_err(|_| refused())?);
        return Ok(result);
    }
    for (slot, byte) in result.stack.iter_mut().zip(path.iter().chain(&[0])) {
        slot.write(*byte);
    }
    if path.contains(&0) { Err(refused()) } else { Ok(result) }
}

fn check(result: i32, call: impl FnOnce() -> String) -> SysResult<i32> {
    if result < 0 { Err(SysError::last(call())) } else { Ok(result) }
}

/// Takes ownership of a descriptor the kernel has just returned.
fn own(result: i32, call: impl FnOnce() -> String) -> SysResult<OwnedFd> {
    let number = check(result, call)?;
    // SAFETY: a fresh descriptor from the kernel that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// openat(2) with O_CLOEXEC. `mode` counts for a file it makes, less the umask.
pub fn open_at(directory: BorrowedFd<'_>, path: &[u8], flags: i32, mode: u32) -> SysResult<OwnedFd> {
    let name = terminate(path)?;
    // SAFETY: zero-terminated path, open directory.
    let number = unsafe { libc::openat(directory.as_raw_fd(), name.as_ptr(), flags | libc::O_CLOEXEC, mode) };
    own(number, || format!("openat(\"{}\", {flags:#o})", path.escape_ascii()))
}

/// openat2(2) with O_CLOEXEC and `resolve` (RESOLVE_*); makes nothing.
pub fn open_at2(directory: BorrowedFd<'_>, path: &[u8], flags: i32, resolve: u64) -> SysResult<OwnedFd> {
    let name = terminate(path)?;
    // SAFETY: open_how is plain data, and zero is its "nothing asked".
    let mut how: libc::open_how = unsafe { mem::zeroed() };
    how.flags = u64::from((flags | libc::O_CLOEXEC).cast_unsigned());
    how.resolve = resolve;
    let size = mem::size_of::<libc::open_how>();
    // SAFETY: zero-terminated path, open directory, a whole open_how.
    let number =
        unsafe { libc::syscall(libc::SYS_openat2, directory.as_raw_fd(), name.as_ptr(), &raw const how, size) };
    own(number as i32, || format!("openat2(\"{}\", {flags:#o})", path.escape_ascii()))
}

/// mkdirat(2); the umask applies.
pub fn make_directory_at(directory: BorrowedFd<'_>, name: &[u8], mode: u32) -> SysResult<()> {
    let path = terminate(name)?;
    // SAFETY: zero-terminated path, open directory.
    let made = unsafe { libc::mkdirat(directory.as_raw_fd(), path.as_ptr(), mode) };
    check(made, || format!("mkdirat(\"{}\", {mode:#o})", name.escape_ascii())).map(drop)
}

/// mknodat(2) with device 0:0: a FIFO (`S_IFIFO | bits`) or overlay's whiteout (`S_IFCHR`), the only nodes anybody may make.
pub fn make_node_at(directory: BorrowedFd<'_>, name: &[u8], mode: u32) -> SysResult<()> {
    let path = terminate(name)?;
    // SAFETY: zero-terminated path, open directory.
    let made = unsafe { libc::mknodat(directory.as_raw_fd(), path.as_ptr(), mode, 0) };
    check(made, || format!("mknodat(\"{}\", {mode:#o})", name.escape_ascii())).map(drop)
}

/// symlinkat(2).
pub fn make_symlink_at(target: &[u8], directory: BorrowedFd<'_>, name: &[u8]) -> SysResult<()> {
    let (text, path) = (terminate(target)?, terminate(name)?);
    // SAFETY: zero-terminated paths, open directory.
    let made = unsafe { libc::symlinkat(text.as_ptr(), directory.as_raw_fd(), path.as_ptr()) };
    check(made, || format!("symlinkat(\"{}\", \"{}\")", target.escape_ascii(), name.escape_ascii())).map(drop)
}

/// linkat(2) from (directory, name) to (directory, name); a symbolic link gets a second name itself, it is not followed.
pub fn make_hard_link_at(from: (BorrowedFd<'_>, &[u8]), to: (BorrowedFd<'_>, &[u8])) -> SysResult<()> {
    let (old, new) = (terminate(from.1)?, terminate(to.1)?);
    // SAFETY: zero-terminated paths, open directories.
    let made = unsafe { libc::linkat(from.0.as_raw_fd(), old.as_ptr(), to.0.as_raw_fd(), new.as_ptr(), 0) };
    check(made, || format!("linkat(\"{}\", \"{}\")", from.1.escape_ascii(), to.1.escape_ascii())).map(drop)
}

/// linkat(2) with AT_EMPTY_PATH: gives a name to a file that is open (and was made without one).
pub fn link_open_at(file: BorrowedFd<'_>, to: (BorrowedFd<'_>, &[u8])) -> SysResult<()> {
    let new = terminate(to.1)?;
    // SAFETY: zero-terminated paths, open descriptors.
    let made =
        unsafe { libc::linkat(file.as_raw_fd(), c"".as_ptr(), to.0.as_raw_fd(), new.as_ptr(), libc::AT_EMPTY_PATH) };
    check(made, || format!("linkat({}, \"{}\")", file.as_raw_fd(), to.1.escape_ascii())).map(drop)
}

/// renameat(2) from (directory, name) to (directory, name).
pub fn rename_at(from: (BorrowedFd<'_>, &[u8]), to: (BorrowedFd<'_>, &[u8])) -> SysResult<()> {
    let (old, new) = (terminate(from.1)?, terminate(to.1)?);
    // SAFETY: zero-terminated paths, open directories.
    let moved = unsafe { libc::renameat(from.0.as_raw_fd(), old.as_ptr(), to.0.as_raw_fd(), new.as_ptr()) };
    check(moved, || format!("renameat(\"{}\", \"{}\")", from.1.escape_ascii(), to.1.escape_ascii())).map(drop)
}

/// renameat2(2) that replaces nothing: EEXIST instead.
pub fn rename_new_at(from: (BorrowedFd<'_>, &[u8]), to: (BorrowedFd<'_>, &[u8])) -> SysResult<()> {
    let (old, new) = (terminate(from.1)?, terminate(to.1)?);
    // SAFETY: zero-terminated paths, open directories.
    let moved = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            from.0.as_raw_fd(),
            old.as_ptr(),
            to.0.as_raw_fd(),
            new.as_ptr(),
            libc::RENAME_NOREPLACE,
        )
    };
    check_long(moved, || format!("renameat2(\"{}\", \"{}\")", from.1.escape_ascii(), to.1.escape_ascii())).map(drop)
}

/// unlinkat(2) of anything but a directory.
pub fn remove_file_at(directory: BorrowedFd<'_>, name: &[u8]) -> SysResult<()> {
    unlink(directory, name, 0)
}

/// unlinkat(2) of an empty directory.
pub fn remove_directory_at(directory: BorrowedFd<'_>, name: &[u8]) -> SysResult<()> {
    unlink(directory, name, libc::AT_REMOVEDIR)
}

fn unlink(directory: BorrowedFd<'_>, name: &[u8], flags: i32) -> SysResult<()> {
    let path = terminate(name)?;
    // SAFETY: zero-terminated path, open directory.
    let removed = unsafe { libc::unlinkat(directory.as_raw_fd(), path.as_ptr(), flags) };
    check(removed, || format!("unlinkat(\"{}\", {flags:#x})", name.escape_ascii())).map(drop)
}

/// readlinkat(2), whole; an empty `name` reads the link that `directory` itself is open on (O_PATH | O_NOFOLLOW).
pub fn read_link_at(directory: BorrowedFd<'_>, name: &[u8]) -> SysResult<Vec<u8>> {
    let path = terminate(name)?;
    let mut target = vec![0_u8; LINK_TARGET_LIMIT];
    // SAFETY: zero-terminated path, open directory, a buffer valid for its length.
    let length =
        unsafe { libc::readlinkat(directory.as_raw_fd(), path.as_ptr(), target.as_mut_ptr().cast(), target.len()) };
    let length = check(length as i32, || format!("readlinkat(\"{}\")", name.escape_ascii()))?;
    target.truncate(length.unsigned_abs() as usize);
    Ok(target)
}

/// fchownat(2) of the name itself, never of what a link there points to.
pub fn change_owner_at(directory: BorrowedFd<'_>, name: &[u8], (uid, gid): (u32, u32)) -> SysResult<()> {
    let path = terminate(name)?;
    // SAFETY: zero-terminated path, open directory.
    let done = unsafe { libc::fchownat(directory.as_raw_fd(), path.as_ptr(), uid, gid, libc::AT_SYMLINK_NOFOLLOW) };
    check(done, || format!("fchownat(\"{}\", {uid}, {gid})", name.escape_ascii())).map(drop)
}

/// Of a file that is open, as O_PATH too.
pub fn change_owner_of(file: BorrowedFd<'_>, (uid, gid): (u32, u32)) -> SysResult<()> {
    // SAFETY: zero-terminated path, open descriptor.
    let done = unsafe { libc::fchownat(file.as_raw_fd(), c"".as_ptr(), uid, gid, libc::AT_EMPTY_PATH) };
    check(done, || format!("fchownat({uid}, {gid})")).map(drop)
}

/// fchown(2).
pub fn change_owner(file: BorrowedFd<'_>, (uid, gid): (u32, u32)) -> SysResult<()> {
    // SAFETY: open descriptor.
    check(unsafe { libc::fchown(file.as_raw_fd(), uid, gid) }, || format!("fchown({uid}, {gid})")).map(drop)
}

/// fchmod(2).
pub fn change_mode(file: BorrowedFd<'_>, mode: u32) -> SysResult<()> {
    // SAFETY: open descriptor.
    check(unsafe { libc::fchmod(file.as_raw_fd(), mode) }, || format!("fchmod({mode:#o})")).map(drop)
}

/// utimensat(2) of the name itself, access time alike.
pub fn set_time_at(directory: BorrowedFd<'_>, name: &[u8], time: FileTime) -> SysResult<()> {
    let path = terminate(name)?;
    let times = [time.to_kernel(); 2];
    // SAFETY: zero-terminated path, open directory, two timespecs.
    let done =
        unsafe { libc::utimensat(directory.as_raw_fd(), path.as_ptr(), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW) };
    check(done, || format!("utimensat(\"{}\", {})", name.escape_ascii(), time.seconds)).map(drop)
}

/// futimens(3), access time alike.
pub fn set_time(file: BorrowedFd<'_>, time: FileTime) -> SysResult<()> {
    let times = [time.to_kernel(); 2];
    // SAFETY: open descriptor, two timespecs.
    check(unsafe { libc::futimens(file.as_raw_fd(), times.as_ptr()) }, || format!("futimens({})", time.seconds))
        .map(drop)
}
