//! A descriptor kept for when there are no more: it makes room to accept a connection and to refuse it, which would otherwise
//! be announced for ever.

use bunker_sys::SysResult;
use bunker_sys::epoll::Waker;
use bunker_sys::inet;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub(crate) struct Spare(Option<Waker>);

impl Spare {
    pub(crate) fn new() -> SysResult<Self> {
        Waker::new().map(|waker| Self(Some(waker)))
    }

    /// The next connection; `None` when there is none. What cannot be taken is reset.
    pub(crate) fn accept(&mut self, listener: BorrowedFd<'_>) -> Option<(OwnedFd, SocketAddr)> {
        match inet::accept(listener) {
            Ok(accepted) => accepted,
            Err(_) => {
                self.refuse(listener);
                None
            }
        }
    }

    fn refuse(&mut self, listener: BorrowedFd<'_>) {
        drop(self.0.take());
        if let Ok(Some((socket, _))) = inet::accept(listener) {
            let _ = inet::reset_on_close(socket.as_fd());
        }
        self.0 = Waker::new().ok();
    }
}
