//! The connections of one thread: all that are being pumped, and whose they are. Bounded in all and per container.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use super::flow::Source;
use super::pipes::Pipes;
use super::policy::Owner;
use super::pump::{Pump, State};
use super::watch::{Purpose, Readiness, Watch};

#[cfg(test)]
#[path = "connections_test.rs"]
mod tests;

struct Connection {
    pump: Pump,
    source: Source,
    is_due: bool,
}

pub(crate) struct Connections {
    pumps: HashMap<u64, Connection>,
    owned: HashMap<Owner, usize>,
    /// Those whose turn is not over, each once.
    due: VecDeque<u64>,
    pipes: Pipes,
    most: usize,
}

impl Connections {
    /// At most so many at once, three quarters of them of one container.
    pub(crate) fn new(most: usize) -> Self {
        let (pumps, owned, due) = (HashMap::new(), HashMap::new(), VecDeque::new());
        Self { pumps, owned, due, pipes: Pipes::new(true), most }
    }

    pub(crate) fn len(&self) -> usize {
        self.pumps.len()
    }

    /// Whether there is work that no news will announce.
    pub(crate) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Joins a fresh connection and an attempt that has succeeded, for this container. Where there is no room both are reset.
    pub(crate) fn join(&mut self, watch: &mut Watch, (fresh, attempt): (OwnedFd, OwnedFd), source: Source) {
        let number = watch.number();
        let pump = Pump::new(fresh, attempt);
        let [first, second] = pump.sockets();
        let owned = self.owned.get(&source.owner).copied().unwrap_or(0);
        let is_watched = self.pumps.len() < self.most
            && owned < self.most * 3 / 4
            && watch.side(first, Purpose::FirstSide, number).is_ok()
            && watch.side_of_attempt(second, Purpose::SecondSide, number).is_ok();
        if !is_watched {
            pump.abort();
            return;
        }
        self.owned.insert(source.owner, owned + 1);
        self.pumps.insert(number, Connection { pump, source, is_due: true });
        self.due.push_back(number);
    }

    /// Takes note of news; the connection's turn comes.
    pub(crate) fn note(&mut self, number: u64, is_second: bool, readiness: Readiness) {
        let Some(connection) = self.pumps.get_mut(&number) else { return };
        connection.pump.note(is_second, readiness);
        if !std::mem::replace(&mut connection.is_due, true) {
            self.due.push_back(number);
        }
    }

    /// Gives each that is due one turn.
    pub(crate) fn turn(&mut self) {
        for number in std::mem::take(&mut self.due) {
            let Some(connection) = self.pumps.get_mut(&number) else { continue };
            match connection.pump.turn(&mut self.pipes) {
                State::Waits => connection.is_due = false,
                State::GoesOn => self.due.push_back(number),
                State::Over => self.close(number),
            }
        }
    }

    fn close(&mut self, number: u64) {
        let Some(Connection { pump, source, .. }) = self.pumps.remove(&number) else { return };
        pump.close(&mut self.pipes);
        if let Some(owned) = self.owned.get_mut(&source.owner) {
            *owned = owned.saturating_sub(1);
            if *owned == 0 {
                self.owned.remove(&source.owner);
            }
        }
    }

    /// Ends all of an address's.
    pub(crate) fn forget(&mut self, address: IpAddr) {
        let from_there = self.pumps.iter().filter(|(_, connection)| connection.source.address == address);
        for number in from_there.map(|(number, _)| *number).collect::<Vec<_>>() {
            if let Some(connection) = self.pumps.get(&number) {
                connection.pump.abort();
            }
            self.close(number);
        }
    }
}
