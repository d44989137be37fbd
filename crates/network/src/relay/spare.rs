//! A descriptor kept for when there are no more: it makes room to accept a connection and to refuse it, which would otherwise
//! be announced for ever.

use bunker_sys::SysResult;
use bunker_sys::epoll::Waker;
use bunker_sys::inet;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// ENFILE, EMFILE, ENOBUFS, ENOMEM: connections that fail so stay where they are.
const WITHOUT_ROOM: [i32; 4] = [23, 24, 105, 12];
/// In one turn: others wait meanwhile.
const MOST_FAILURES: usize = 16;

pub(crate) struct Spare(Option<Waker>);

impl Spare {
    pub(crate) fn new() -> SysResult<Self> {
        Waker::new().map(|waker| Self(Some(waker)))
    }

    /// The next connection; `None` when there is none. One that there is no descriptor for is reset.
    pub(crate) fn accept(&mut self, listener: BorrowedFd<'_>) -> Option<(OwnedFd, SocketAddr)> {
        for _ in 0..MOST_FAILURES {
            match inet::accept(listener) {
                Ok(accepted) => return accepted,
                Err(error) if WITHOUT_ROOM.contains(&error.errno) => self.refuse(listener),
                // Its own: it ended before it was taken (accept(2)).
                Err(_) => {}
            }
        }
        None
    }

    fn refuse(&mut self, listener: BorrowedFd<'_>) {
        drop(self.0.take());
        if let Ok(Some((socket, _))) = inet::accept(listener) {
            let _ = inet::reset_on_close(socket.as_fd());
        }
        self.0 = Waker::new().ok();
    }
}
