//! Clients by TCP. They cost memory and descriptors for as long as they like, so each has little time, a container has few of
//! them, and when there are too many in all, whoever has the most loses the one that was quiet for longest.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

use super::frame::{Inbox, Outbox};

/// Between two questions of a client, and for a question, and for an answer to be taken.
pub(crate) const IDLE: Duration = Duration::from_secs(10);
const MOST_OF_ONE: usize = 32;
const MOST: usize = 256;
/// A question is hardly longer than its name (255 bytes) and an OPT record with options.
const LONGEST_QUESTION: usize = 4096;
/// Whoever does not take answers is asked for no more questions: as much as one answer may have.
const MOST_UNREAD: usize = 64 * 1024;
/// Nor is kept what it asked for before, beyond a few long answers.
const MOST_WRITTEN: usize = 2 * MOST_UNREAD;

/// One connection.
pub(crate) struct StreamClient {
    pub(crate) stream: TcpStream,
    pub(crate) source: IpAddr,
    /// Its container's id.
    container: String,
    inbox: Inbox,
    outbox: Outbox,
    /// Questions without an answer.
    waiting: usize,
    /// The last whole question, or answer.
    active: Instant,
    /// It will say nothing more, but may listen.
    has_ended: bool,
}

/// The connection is of no use any more.
pub(crate) struct Gone;

impl StreamClient {
    pub(crate) fn new(stream: TcpStream, (source, container): (IpAddr, String), now: Instant) -> Self {
        let (inbox, outbox) = (Inbox::new(LONGEST_QUESTION), Outbox::default());
        Self { stream, source, container, inbox, outbox, waiting: 0, active: now, has_ended: false }
    }

    /// The questions that have come.
    pub(crate) fn receive(&mut self, now: Instant) -> Result<Vec<Vec<u8>>, Gone> {
        // Where nothing is waited for, the other side has broken off (and reading would only tell the end that we know).
        if !matches!(self.stream.take_error(), Ok(None)) {
            return Err(Gone);
        }
        self.outbox.flush(&self.stream).map_err(|_| Gone)?;
        if !self.is_readable_wanted() {
            return self.unless_done();
        }
        self.has_ended = !self.inbox.fill(&self.stream).map_err(|_| Gone)?;
        let mut questions = Vec::new();
        while let Some(question) = self.inbox.take().map_err(|_| Gone)? {
            self.active = now;
            self.waiting += 1;
            questions.push(question);
        }
        if questions.is_empty() { self.unless_done() } else { Ok(questions) }
    }

    /// One question has been dealt with, with an answer or without.
    pub(crate) fn answer(&mut self, packet: Option<&[u8]>, now: Instant) -> Result<(), Gone> {
        self.waiting = self.waiting.saturating_sub(1);
        if let Some(packet) = packet {
            self.active = now;
            self.outbox.push(packet);
            self.outbox.flush(&self.stream).map_err(|_| Gone)?;
        }
        if self.outbox.len() > MOST_WRITTEN {
            return Err(Gone);
        }
        self.unless_done().map(drop)
    }

    fn unless_done(&self) -> Result<Vec<Vec<u8>>, Gone> {
        let is_done = self.has_ended && self.waiting == 0 && self.outbox.is_empty();
        if is_done { Err(Gone) } else { Ok(Vec::new()) }
    }

    pub(crate) fn is_readable_wanted(&self) -> bool {
        !self.has_ended && self.outbox.len() < MOST_UNREAD
    }

    pub(crate) fn is_writable_wanted(&self) -> bool {
        !self.outbox.is_empty()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.active + IDLE
    }
}

/// Who has to go before one more of this container comes, if anybody.
pub(crate) fn victim(clients: &BTreeMap<u64, StreamClient>, container: &str) -> Option<u64> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for client in clients.values() {
        *counts.entry(&client.container).or_default() += 1;
    }
    let own = counts.get(container).copied().unwrap_or(0);
    let greedy = if own >= MOST_OF_ONE {
        container
    } else if clients.len() >= MOST {
        counts.iter().max_by_key(|(_, count)| **count)?.0
    } else {
        return None;
    };
    let theirs = clients.iter().filter(|(_, client)| client.container == greedy);
    theirs.min_by_key(|(_, client)| client.active).map(|(token, _)| *token)
}
