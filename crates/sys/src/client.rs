//! What the short-lived command (the addon inside Bun) needs of the kernel: framed unix sockets with descriptors, OFD
//! locks, the terminal, and starting the keeper. Descriptors arrive as bare numbers here, because JavaScript holds them as
//! numbers; nothing in this module closes a number it did not open itself, except `close_number`.

pub mod channel;
pub mod executable;
pub mod files;
pub mod lock;
pub mod memory;
pub mod spawn;
pub mod terminal;

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::raw::{check, own, retry};
use crate::{SysError, SysResult};

/// Looks at a descriptor that JavaScript holds as a number; negative numbers are EBADF.
fn borrow(number: RawFd) -> SysResult<BorrowedFd<'static>> {
    if number < 0 {
        return Err(SysError::new(format!("fd {number}"), libc::EBADF));
    }
    // SAFETY: not -1; whether it is open is for the kernel to say (EBADF), and nobody keeps the borrow beyond one call.
    Ok(unsafe { BorrowedFd::borrow_raw(number) })
}

/// A second, close-on-exec descriptor of the same open file, for a thread that must outlive `close_number`.
pub fn duplicate(number: RawFd) -> SysResult<OwnedFd> {
    borrow(number)?
        .try_clone_to_owned()
        .map_err(|error| SysError::from_io(format!("fcntl({number}, F_DUPFD_CLOEXEC)"), &error))
}

/// close(2) of a descriptor that JavaScript holds as a number. Unknown numbers are EBADF, never undefined behaviour.
pub fn close_number(number: RawFd) -> SysResult<()> {
    // SAFETY: close takes any number.
    check(unsafe { libc::close(number) }, || format!("close({number})")).map(drop)
}

fn path_of(fd: &impl AsRawFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}
