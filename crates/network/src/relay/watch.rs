//! What one thread waits for: descriptors by what they are for, and a number that is never used twice, so that news of
//! something that has gone meanwhile finds nothing.

use bunker_sys::SysResult;
use bunker_sys::epoll::{BROKEN, EDGE, Epoll, Event, READ_ENDED, READABLE, URGENT, WRITABLE};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// What a descriptor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Command,
    Tun,
    Listener,
    /// A connection that is being made.
    Attempt,
    FirstSide,
    SecondSide,
    Datagrams,
    Echo,
    Port,
    /// A socket inside, for a client whose address cannot be used there.
    Client,
}

const PURPOSES: [Purpose; 10] = [
    Purpose::Command,
    Purpose::Tun,
    Purpose::Listener,
    Purpose::Attempt,
    Purpose::FirstSide,
    Purpose::SecondSide,
    Purpose::Datagrams,
    Purpose::Echo,
    Purpose::Port,
    Purpose::Client,
];

/// What a connection's end is watched for.
const SIDE: u32 = READABLE | WRITABLE | READ_ENDED | URGENT | EDGE;
/// A token is the purpose, and below it the number: as many as anybody makes in a life.
const NUMBER_BITS: u32 = 56;

/// What has been told about a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) urgent: bool,
    /// An error waits (in the error queue, perhaps), or the other side has hung up.
    pub(crate) broken: bool,
}

impl Readiness {
    fn of(events: u32) -> Self {
        let broken = events & BROKEN != 0;
        Self {
            readable: broken || events & (READABLE | READ_ENDED) != 0,
            writable: broken || events & WRITABLE != 0,
            urgent: events & URGENT != 0,
            broken,
        }
    }
}

/// News of one descriptor.
pub(crate) struct News {
    pub(crate) purpose: Purpose,
    pub(crate) number: u64,
    pub(crate) readiness: Readiness,
}

pub(crate) struct Watch {
    epoll: Epoll,
    last: u64,
}

impl Watch {
    pub(crate) fn new() -> SysResult<Self> {
        Epoll::new().map(|epoll| Self { epoll, last: 0 })
    }

    /// A number that nothing had before.
    pub(crate) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Tells for as long as there is something to read.
    pub(crate) fn readable(&self, fd: BorrowedFd<'_>, purpose: Purpose, number: u64) -> SysResult<()> {
        self.epoll.add(fd, READABLE, token(purpose, number))
    }

    /// Tells once when a connection has been made, or has failed.
    pub(crate) fn attempt(&self, fd: BorrowedFd<'_>, number: u64) -> SysResult<()> {
        self.epoll.add(fd, WRITABLE | EDGE, token(Purpose::Attempt, number))
    }

    /// Tells every change of a connection's end, which was an attempt before.
    pub(crate) fn side_of_attempt(&self, fd: BorrowedFd<'_>, purpose: Purpose, number: u64) -> SysResult<()> {
        self.epoll.modify(fd, SIDE, token(purpose, number))
    }

    /// Tells every change of a connection's end.
    pub(crate) fn side(&self, fd: BorrowedFd<'_>, purpose: Purpose, number: u64) -> SysResult<()> {
        self.epoll.add(fd, SIDE, token(purpose, number))
    }

    /// Waits for news, no longer than until `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> SysResult<Vec<News>> {
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        // Rounded up: not awake before the time has come.
        let milliseconds = timeout
            .map_or(-1, |left| i32::try_from((left + Duration::from_micros(999)).as_millis()).unwrap_or(i32::MAX));
        Ok(self.epoll.wait(milliseconds)?.into_iter().filter_map(read).collect())
    }
}

fn token(purpose: Purpose, number: u64) -> u64 {
    (purpose as u64) << NUMBER_BITS | number
}

fn read(event: Event) -> Option<News> {
    let purpose = *PURPOSES.get(usize::try_from(event.token >> NUMBER_BITS).ok()?)?;
    let number = event.token & ((1 << NUMBER_BITS) - 1);
    Some(News { purpose, number, readiness: Readiness::of(event.events) })
}
