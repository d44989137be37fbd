//! Packets from containers that wait for their turn. Reading one is cheap and acting on it is not, so that all are read and each
//! container's wait in a line of their own: one after another of the lines has its turn, and only its own can be too long.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::packet::source;
use super::policy::Owner;

#[cfg(test)]
#[path = "waiting_test.rs"]
mod tests;

/// Bytes of all: the more lines there are the shorter each may be.
const MOST: usize = 8 << 20;
/// What a packet costs beside its bytes, so that small ones are not held by the hundred thousand.
const OVERHEAD: usize = 512;

#[derive(Default)]
struct Line {
    packets: VecDeque<Box<[u8]>>,
    cost: usize,
}

#[derive(Default)]
pub(crate) struct Waiting {
    lines: HashMap<Owner, Line>,
    /// Each line once.
    turns: VecDeque<Owner>,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The packet waits, or is lost, as on any link that is too slow for its sender.
    pub(crate) fn push(&mut self, owner: Owner, packet: &[u8]) {
        let longest = MOST / (self.lines.len() + 1);
        let line = self.lines.entry(owner).or_insert_with(|| {
            self.turns.push_back(owner);
            Line::default()
        });
        let cost = cost(packet);
        if line.packets.is_empty() || line.cost + cost <= longest {
            line.cost += cost;
            line.packets.push_back(packet.into());
        }
    }

    /// The next one.
    pub(crate) fn pop(&mut self) -> Option<Box<[u8]>> {
        while let Some(owner) = self.turns.pop_front() {
            let Some(line) = self.lines.get_mut(&owner) else { continue };
            if let Some(packet) = line.packets.pop_front() {
                line.cost -= cost(&packet);
                self.turns.push_back(owner);
                return Some(packet);
            }
            self.lines.remove(&owner);
        }
        None
    }

    /// Drops what is from this address.
    pub(crate) fn forget(&mut self, address: IpAddr) {
        for line in self.lines.values_mut() {
            line.packets.retain(|packet| source(packet) != Some(address));
            line.cost = line.packets.iter().map(|packet| cost(packet)).sum();
        }
    }
}

fn cost(packet: &[u8]) -> usize {
    packet.len() + OVERHEAD
}
