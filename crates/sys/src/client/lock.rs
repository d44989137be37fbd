//! Open-file-description write locks on files that may be unlinked by their holder: whoever gets the lock looks again
//! whether the name still leads to the same inode, and starts over if not (fcntl(2), F_OFD_SETLK).

use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::files::{c_path, open};
use super::{check, retry};
use crate::{SysError, SysResult};

/// Takes the lock without waiting; `None` if somebody holds it. The file is made (0600) when missing.
pub fn acquire(path: &str) -> SysResult<Option<OwnedFd>> {
    loop {
        let file = open_lock_file(path)?;
        match set(file.as_fd(), path, (libc::F_OFD_SETLK, libc::F_WRLCK)) {
            Err(error) if matches!(error.errno, libc::EAGAIN | libc::EACCES) => return Ok(None),
            other => other?,
        }
        if is_current(&file, path)? {
            return Ok(Some(file));
        }
    }
}

/// Locks a file that is open for writing, without waiting; false if somebody else has it.
pub fn try_hold(file: BorrowedFd<'_>) -> SysResult<bool> {
    match set(file, "", (libc::F_OFD_SETLK, libc::F_WRLCK)) {
        Err(error) if matches!(error.errno, libc::EAGAIN | libc::EACCES) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Takes the lock, waiting for its holder to let go or die.
pub fn wait(path: &str) -> SysResult<OwnedFd> {
    loop {
        let file = open_lock_file(path)?;
        set(file.as_fd(), path, (libc::F_OFD_SETLKW, libc::F_WRLCK))?;
        if is_current(&file, path)? {
            return Ok(file);
        }
    }
}

/// Takes a share of the lock, which any number may have at a time, waiting while somebody holds it whole.
pub fn share(path: &str) -> SysResult<OwnedFd> {
    loop {
        let file = open_lock_file(path)?;
        set(file.as_fd(), path, (libc::F_OFD_SETLKW, libc::F_RDLCK))?;
        if is_current(&file, path)? {
            return Ok(file);
        }
    }
}

/// Asks without taking; a share counts as well. A missing file is not locked.
pub fn is_locked(path: &str) -> SysResult<bool> {
    let file = match open(path, libc::O_RDONLY | libc::O_NOFOLLOW) {
        Err(error) if matches!(error.errno, libc::ENOENT | libc::ENOTDIR) => return Ok(false),
        other => other?,
    };
    is_held_elsewhere(file.as_fd())
}

/// Whether somebody else has a lock or a share; this descriptor's own does not count.
pub fn is_held_elsewhere(lock: BorrowedFd<'_>) -> SysResult<bool> {
    let mut request = whole_file(libc::F_WRLCK);
    // SAFETY: `request` is a valid flock for the whole call.
    check(unsafe { libc::fcntl(lock.as_raw_fd(), libc::F_OFD_GETLK, &raw mut request) }, || {
        format!("fcntl({}, F_OFD_GETLK)", lock.as_raw_fd())
    })?;
    Ok(i32::from(request.l_type) != libc::F_UNLCK)
}

fn open_lock_file(path: &str) -> SysResult<OwnedFd> {
    open(path, libc::O_RDWR | libc::O_CREAT | libc::O_NOFOLLOW)
}

fn whole_file(kind: libc::c_int) -> libc::flock {
    // SAFETY: flock is plain data; zero start and length mean the whole file, and OFD locks demand l_pid 0.
    let mut request: libc::flock = unsafe { mem::zeroed() };
    request.l_type = kind as libc::c_short;
    request.l_whence = libc::SEEK_SET as libc::c_short;
    request
}

fn set(file: BorrowedFd<'_>, path: &str, (command, kind): (libc::c_int, libc::c_int)) -> SysResult<()> {
    let request = whole_file(kind);
    // SAFETY: `request` is a valid flock for the whole call.
    let attempt = || unsafe { libc::fcntl(file.as_raw_fd(), command, &raw const request) as isize };
    retry(attempt, || format!("fcntl({path:?}, F_OFD_SETLK)")).map(drop)
}

fn is_current(file: &OwnedFd, path: &str) -> SysResult<bool> {
    let name = c_path(path)?;
    // SAFETY: stat is plain data; both pointers are valid for the calls.
    unsafe {
        let mut held: libc::stat = mem::zeroed();
        let mut named: libc::stat = mem::zeroed();
        check(libc::fstat(file.as_raw_fd(), &raw mut held), || format!("fstat({path:?})"))?;
        if libc::lstat(name.as_ptr(), &raw mut named) < 0 {
            let error = SysError::last(format!("lstat({path:?})"));
            return if error.errno == libc::ENOENT { Ok(false) } else { Err(error) };
        }
        Ok(held.st_dev == named.st_dev && held.st_ino == named.st_ino)
    }
}
