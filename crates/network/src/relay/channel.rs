//! Commands to a thread that waits in epoll: a queue, and an eventfd that tells of it.

use bunker_sys::SysResult;
use bunker_sys::epoll::Waker;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

/// The thread's end.
pub(crate) struct Inbox<T> {
    commands: Receiver<T>,
    waker: Arc<Waker>,
}

/// Everybody else's end.
pub(crate) struct Outbox<T> {
    commands: Sender<T>,
    waker: Arc<Waker>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self { commands: self.commands.clone(), waker: Arc::clone(&self.waker) }
    }
}

pub(crate) fn channel<T>() -> SysResult<(Outbox<T>, Inbox<T>)> {
    let waker = Arc::new(Waker::new()?);
    let (sender, receiver) = mpsc::channel();
    Ok((Outbox { commands: sender, waker: Arc::clone(&waker) }, Inbox { commands: receiver, waker }))
}

impl<T> Inbox<T> {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.waker.as_fd()
    }

    /// The next command, if there is one.
    pub(crate) fn next(&self) -> Option<T> {
        // Cleared first: what is sent from now on wakes again.
        self.waker.clear();
        self.commands.try_recv().ok()
    }
}

impl<T> Outbox<T> {
    /// Whether there is still a thread to hear it.
    pub(crate) fn send(&self, command: T) -> bool {
        let is_sent = self.commands.send(command).is_ok();
        self.waker.wake();
        is_sent
    }
}
