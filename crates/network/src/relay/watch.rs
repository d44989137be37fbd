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
    Service,
}

const PURPOSES: [Purpose; 11] = [
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
    Purpose::Service,
];

/// What a connection's end is watched for.
const SIDE: u32 = READABLE | WRITABLE | READ_ENDED | URGENT | EDGE;
/// A token is the purpose, and below it the number: as many as anybody makes in a life.
const NUMBER_BITS: u32 = 56;
/// A service's number is which service it is, and below it what the service calls the descriptor.
const NAME_BITS: u32 = 48;
const NAMES: u64 = (1 << NAME_BITS) - 1;

/// What has been told about a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
    pub urgent: bool,
    /// An error waits (in the error queue, perhaps), or the other side has hung up.
    pub broken: bool,
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

/// Something else that lives on the outward thread: the DNS server. It has its descriptors watched, and is called when there
/// is news of one or its time has come. It must not wait for anything itself.
pub trait Service: Send {
    /// Called once, on the thread.
    fn start(&mut self, watching: &Watching<'_>);
    /// There is news of the descriptor that was given this name.
    fn ready(&mut self, name: u64, readiness: Readiness, watching: &Watching<'_>);
    /// When `elapsed` is to be called next, if ever.
    fn deadline(&self) -> Option<Instant> {
        None
    }
    fn elapsed(&mut self, _now: Instant, _watching: &Watching<'_>) {}
}

/// A service's way of having descriptors watched. One that is closed is not watched any more.
pub struct Watching<'a> {
    watch: &'a Watch,
    service: u64,
}

impl<'a> Watching<'a> {
    pub(crate) fn new(watch: &'a Watch, service: usize) -> Self {
        Self { watch, service: service as u64 }
    }

    fn interest(&self, name: u64, (readable, writable): (bool, bool)) -> (u32, u64) {
        let events = if readable { READABLE } else { 0 } | if writable { WRITABLE } else { 0 };
        (events, token(Purpose::Service, self.service << NAME_BITS | name & NAMES))
    }

    /// Watches a descriptor for as long as it is readable, writable, or both. Of its name the lower 48 bits count.
    pub fn add(&self, fd: BorrowedFd<'_>, name: u64, interest: (bool, bool)) -> SysResult<()> {
        let (events, token) = self.interest(name, interest);
        self.watch.epoll.add(fd, events, token)
    }

    /// Watches it for something else.
    pub fn change(&self, fd: BorrowedFd<'_>, name: u64, interest: (bool, bool)) -> SysResult<()> {
        let (events, token) = self.interest(name, interest);
        self.watch.epoll.modify(fd, events, token)
    }

    pub fn remove(&self, fd: BorrowedFd<'_>) -> SysResult<()> {
        self.watch.epoll.remove(fd)
    }
}

/// Which service news is for, and its name there.
pub(crate) fn service_of(number: u64) -> (usize, u64) {
    (usize::try_from(number >> NAME_BITS).unwrap_or(usize::MAX), number & NAMES)
}
