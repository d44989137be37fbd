//! Bytes from socket to socket without passing through user space (splice(2)), through a pipe of known size.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use crate::inet::{Moved, moved};
use crate::raw::check;
use crate::{SysError, SysResult};

/// A pipe, and how many bytes the kernel lets it hold.
pub struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    size: usize,
}

impl Pipe {
    /// A pipe of at least `wanted` bytes if the user's quota allows it; else of what `size` then tells.
    pub fn new(wanted: usize) -> SysResult<Self> {
        let (read, write) = crate::file::pipe()?;
        let set = i32::try_from(wanted).map_err(|_| SysError::new("fcntl(F_SETPIPE_SZ)", libc::EINVAL))?;
        // SAFETY: open descriptors, integers only. A refusal is seen in the size that is asked for next.
        let size = unsafe {
            libc::fcntl(write.as_raw_fd(), libc::F_SETPIPE_SZ, set);
            check(libc::fcntl(write.as_raw_fd(), libc::F_GETPIPE_SZ), || "fcntl(F_GETPIPE_SZ)".to_owned())?
        };
        Ok(Self { read, write, size: usize::try_from(size).unwrap_or(0) })
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// Takes what a socket has received, at most what an empty pipe holds.
    pub fn fill(&self, from: BorrowedFd<'_>) -> Moved {
        splice(from, self.write.as_fd(), self.size)
    }

    /// Gives at most `count` bytes to a socket.
    pub fn drain(&self, to: BorrowedFd<'_>, count: usize) -> Moved {
        splice(self.read.as_fd(), to, count)
    }
}

fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, count: usize) -> Moved {
    let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    let attempt = || {
        // SAFETY: open descriptors; no offsets.
        unsafe { libc::splice(from.as_raw_fd(), ptr::null_mut(), to.as_raw_fd(), ptr::null_mut(), count, flags) }
    };
    moved(attempt)
}
