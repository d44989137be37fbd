//! What the keeper and the process it starts say to each other, one packet each.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::poll::{self, Watch};
use bunker_sys::socket;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureCode};

/// Far longer than any step takes that is waited for with it.
const PATIENCE_MS: i32 = 15_000;
/// Ten minutes.
const LONG_PATIENCE_MS: i32 = 600_000;
/// A failure with a long path and a list of layers stays below this.
const PACKET_LIMIT: usize = 64 * 1024;

/// From the keeper to the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Your ids are mapped: build the sandbox.
    Mapped,
    /// What you asked for is done.
    Done,
    /// Become the container's process.
    Go,
    /// Wait at the gate for whoever wants the container started, and outlive us.
    Alone,
}

impl Word {
    fn byte(self) -> u8 {
        match self {
            Self::Mapped => b'm',
            Self::Done => b'd',
            Self::Go => b'g',
            Self::Alone => b'a',
        }
    }

    /// Fails when the child is gone: its own report says why.
    pub(super) fn send(self, to: &OwnedFd) -> Result<(), Failure> {
        Ok(socket::send_packet(to.as_fd(), &[self.byte()], &[])?)
    }

    /// Blocks until exactly this word comes. The keeper's death is an end of file: then there is nothing to go on for.
    pub(super) fn wait(self, from: &OwnedFd) -> Result<(), Failure> {
        match socket::receive_packet(from.as_fd(), 1)? {
            Some((packet, _)) if packet == [self.byte()] => Ok(()),
            _ => Err(Failure::new(FailureCode::Cancelled, "the keeper has gone")),
        }
    }
}

/// From the child to the keeper.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The sandbox is whole; with a terminal its master rides along.
    Ready,
    /// Of a join's go-between: the number of the process it made.
    Started(i32),
    /// The same where a sandbox begins in another one's namespaces, and whether it is in its group.
    Begun {
        pid: i32,
        is_grouped: bool,
    },
    /// Of that process: its user, network and mount namespaces ride along.
    Namespaces,
    /// Of a root to which the caller's files are out of reach: the image is there to be read, its root rides along, and behind it
    /// the places of the volumes that are to be filled.
    Rooted,
    /// Of the same: who the process is to be. `streams` of the descriptors are its streams; the others, trees that become its own.
    Identified {
        uid: u32,
        gid: u32,
        streams: usize,
    },
    /// It has heard that it is left alone.
    Alone,
    Failed(Failure),
}

impl Report {
    pub(super) fn send(&self, to: &OwnedFd, terminal: Option<&OwnedFd>) -> Result<(), Failure> {
        let fds: Vec<_> = terminal.iter().map(|fd| fd.as_fd()).collect();
        self.send_all(to, &fds)
    }

    pub(super) fn send_all(&self, to: &OwnedFd, fds: &[BorrowedFd<'_>]) -> Result<(), Failure> {
        // A command of a hundred thousand letters is quoted in the failure, and would not fit.
        let text = match self {
            Self::Failed(failure) => serde_json::to_vec(&Self::Failed(failure.abridged())),
            report => serde_json::to_vec(report),
        };
        let text = text.map_err(|error| Failure::new(FailureCode::System, error.to_string()))?;
        Ok(socket::send_packet(to.as_fd(), &text, fds)?)
    }

    /// As `receive`, but gives up: who lives in the container already can stop a process that joins it, and would stop us too.
    pub(super) fn receive_in_time(from: &OwnedFd) -> Result<Option<(Self, Vec<OwnedFd>)>, Failure> {
        Self::receive_within(from, PATIENCE_MS)
    }

    /// The same for what is built among others, which may have a volume to fill.
    pub(super) fn receive_patiently(from: &OwnedFd) -> Result<Option<(Self, Vec<OwnedFd>)>, Failure> {
        Self::receive_within(from, LONG_PATIENCE_MS)
    }

    /// What was said already, if anything.
    pub(super) fn receive_at_once(from: &OwnedFd) -> Option<Self> {
        let mut watches = [Watch::new(from.as_fd(), true, false)];
        poll::wait(&mut watches, 0).ok()?;
        if !watches[0].has_event() {
            return None;
        }
        Self::receive(from).ok().flatten().map(|(report, _)| report)
    }

    fn receive_within(from: &OwnedFd, patience: i32) -> Result<Option<(Self, Vec<OwnedFd>)>, Failure> {
        let mut watches = [Watch::new(from.as_fd(), true, false)];
        poll::wait(&mut watches, patience)?;
        if watches[0].has_event() {
            return Self::receive(from);
        }
        Err(Failure::new(FailureCode::System, "something in the container keeps the process from starting"))
    }

    /// `None`: the child closed its end, which it does by exec (or by dying).
    pub(super) fn receive(from: &OwnedFd) -> Result<Option<(Self, Vec<OwnedFd>)>, Failure> {
        let Some((text, fds)) = socket::receive_packet(from.as_fd(), PACKET_LIMIT)? else { return Ok(None) };
        let report = serde_json::from_slice(&text)
            .map_err(|error| Failure::new(FailureCode::System, format!("a report of the sandbox: {error}")))?;
        Ok(Some((report, fds)))
    }
}
