//! epoll(7) and the eventfd that wakes its waiter from another thread.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use crate::SysResult;
use crate::raw::{check, own, retry};

pub const READABLE: u32 = libc::EPOLLIN as u32;
pub const WRITABLE: u32 = libc::EPOLLOUT as u32;
/// The peer has ended its sending.
pub const READ_ENDED: u32 = libc::EPOLLRDHUP as u32;
/// Urgent data has come.
pub const URGENT: u32 = libc::EPOLLPRI as u32;
/// Tells each change once, rather than a state for as long as it lasts.
pub const EDGE: u32 = libc::EPOLLET as u32;
/// An error waits (an error queue, too), or both directions have ended: reported without being asked for.
pub const BROKEN: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;

/// How many events one wait fetches.
const BATCH: usize = 256;

/// What happened to the descriptor that was added with this token.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub token: u64,
    pub events: u32,
}

/// A set of descriptors and what they are watched for. A descriptor leaves it by being closed.
pub struct Epoll(OwnedFd);

impl Epoll {
    pub fn new() -> SysResult<Self> {
        // SAFETY: integer argument.
        own(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }, || "epoll_create1()".to_owned()).map(Self)
    }

    pub fn add(&self, fd: BorrowedFd<'_>, events: u32, token: u64) -> SysResult<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, Event { token, events })
    }

    /// Changes what is watched for; what is already so is told again.
    pub fn modify(&self, fd: BorrowedFd<'_>, events: u32, token: u64) -> SysResult<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, Event { token, events })
    }

    fn control(&self, operation: i32, fd: BorrowedFd<'_>, wanted: Event) -> SysResult<()> {
        let mut event = libc::epoll_event { events: wanted.events, u64: wanted.token };
        // SAFETY: open descriptors; the event lives through the call.
        let result = unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd.as_raw_fd(), &raw mut event) };
        check(result, || format!("epoll_ctl({operation}, {})", fd.as_raw_fd())).map(drop)
    }

    /// Waits until something happens or `timeout` milliseconds (-1: for ever) have passed.
    pub fn wait(&self, timeout: i32) -> SysResult<Vec<Event>> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        // SAFETY: the array is valid for its length.
        let attempt =
            || unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), BATCH as i32, timeout) as isize };
        let count = retry(attempt, || "epoll_wait()".to_owned())?;
        Ok(events.iter().take(count).map(|event| Event { token: event.u64, events: event.events }).collect())
    }
}

/// Wakes the thread that waits for it.
pub struct Waker(OwnedFd);

impl Waker {
    pub fn new() -> SysResult<Self> {
        // SAFETY: integer arguments.
        own(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }, || "eventfd()".to_owned()).map(Self)
    }

    pub fn wake(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: eight valid bytes. It fails only where the counter is full: then the waiter wakes anyway.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Forgets the wakings so far.
    pub fn clear(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: eight valid bytes. It fails only where nothing is to be cleared.
        unsafe { libc::read(self.0.as_raw_fd(), ptr::from_mut(&mut count).cast(), count.len()) };
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
