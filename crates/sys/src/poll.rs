//! poll(2) over descriptors that somebody else owns.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use crate::SysResult;
use crate::raw::retry;

/// What to watch one descriptor for, and what came of it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Watch(libc::pollfd);

impl Watch {
    /// Watches for data, for room, for both or (neither) only for hang-up and error.
    pub fn new(fd: BorrowedFd<'_>, readable: bool, writable: bool) -> Self {
        let mut events = 0;
        if readable {
            events |= libc::POLLIN;
        }
        if writable {
            events |= libc::POLLOUT;
        }
        Self(libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 })
    }

    pub fn fd(&self) -> RawFd {
        self.0.fd
    }

    /// Something can be read, or the other side has gone (then reading says so).
    pub fn is_readable(&self) -> bool {
        self.0.revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) != 0
    }

    /// Something can be written, or writing would fail at once.
    pub fn is_writable(&self) -> bool {
        self.0.revents & (libc::POLLOUT | libc::POLLERR | libc::POLLHUP) != 0
    }

    /// The reader of a pipe, or the peer of a socket, is gone.
    pub fn is_broken(&self) -> bool {
        self.0.revents & (libc::POLLERR | libc::POLLHUP) != 0
    }

    pub fn has_event(&self) -> bool {
        self.0.revents != 0
    }
}

/// Waits until something happens, or `timeout` milliseconds (-1: for ever).
pub fn wait(watches: &mut [Watch], timeout: i32) -> SysResult<()> {
    // SAFETY: Watch is a transparent wrapper of pollfd, and the slice is valid for its length.
    let attempt =
        || unsafe { libc::poll(watches.as_mut_ptr().cast(), watches.len() as libc::nfds_t, timeout) as isize };
    retry(attempt, || "poll()".to_owned()).map(drop)
}
