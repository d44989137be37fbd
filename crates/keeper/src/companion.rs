//! A program that serves containers from outside, and ends with whom it serves.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::process;

use crate::container::HelperRecord as Record;

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

/// A helper that is there; ended when dropped.
pub struct Helper {
    pidfd: OwnedFd,
    pid: i32,
    is_child: bool,
    /// The word that ends it.
    ending: i32,
}

impl Helper {
    /// One that we have just made.
    pub fn child(pid: i32, pidfd: OwnedFd) -> Self {
        Self { pidfd, pid, is_child: true, ending: SIGTERM }
    }

    /// One that we have just made as the first of a PID namespace, which takes no other word.
    pub fn first(pid: i32, pidfd: OwnedFd) -> Self {
        Self { pidfd, pid, is_child: true, ending: SIGKILL }
    }

    /// One that an earlier keeper started, if it still is that process.
    pub fn adopt(record: Record) -> Option<Self> {
        let pidfd = process::open_pidfd_if_same(record.pid, record.start_time).ok()??;
        Some(Self { pidfd, pid: record.pid, is_child: false, ending: SIGTERM })
    }

    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Tells it to end; `drop` waits for that.
    pub fn dismiss(&self) {
        let _ = process::signal(self.pidfd.as_fd(), self.ending);
    }

    pub fn record(&self) -> Record {
        Record { pid: self.pid, start_time: process::start_time(self.pid).unwrap_or(0) }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.dismiss();
        if self.is_child {
            let _ = process::wait_child(self.pid, true);
        }
    }
}
