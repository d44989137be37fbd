//! What the owner's loop is to watch.

use std::os::fd::BorrowedFd;

/// A descriptor to watch, for as long as it is readable or writable, and for its end. `token` is its name here, and nobody
/// else's, ever; the descriptor's number may be another's at once.
#[derive(Clone, Copy, Debug)]
pub struct Interest<'a> {
    pub token: u64,
    pub fd: BorrowedFd<'a>,
    pub is_readable_wanted: bool,
    pub is_writable_wanted: bool,
}

impl<'a> Interest<'a> {
    pub(super) fn new(token: u64, fd: BorrowedFd<'a>, (is_readable_wanted, is_writable_wanted): (bool, bool)) -> Self {
        Self { token, fd, is_readable_wanted, is_writable_wanted }
    }
}
