//! Datagrams that come in pieces, put together. Pieces that overlap, contradict each other or do not come in time are dropped
//! with all the others of theirs (RFC 5722 demands it of IPv6; nobody honest sends such).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::flow::{Bounds, Source, Table};
use super::packet::{Fragment, Packet};
use super::policy::Owner;

#[cfg(test)]
#[path = "fragments_test.rs"]
mod tests;

/// A datagram is at most 64 KiB, so all of them together 16 MiB.
const BOUNDS: Bounds = Bounds { per_owner: 64, in_all: 256 };
/// Of a datagram: twice what the largest comes in at IPv6's least MTU.
const MOST_PIECES: usize = 128;
const LONGEST: usize = 65_535;
/// The kernel of N has had all pieces before it sends us the first.
const PATIENCE: Duration = Duration::from_secs(10);

type Key = (IpAddr, IpAddr, u32, u8);

#[derive(Default)]
struct Pieces {
    pieces: Vec<(usize, Vec<u8>)>,
    held: usize,
    length: Option<usize>,
}

pub(crate) struct Fragments(Table<Key, Pieces>);

impl Fragments {
    pub(crate) fn new() -> Self {
        Self(Table::new(BOUNDS))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn forget(&mut self, source: IpAddr) {
        self.0.forget(source);
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.0.expire(now);
    }

    /// One more piece of a container's. What it completes, if that is so.
    pub(crate) fn add(
        &mut self,
        (owner, packet): (Owner, &Packet<'_>),
        piece: &Fragment<'_>,
        now: Instant,
    ) -> Option<Vec<u8>> {
        let key = (packet.source, packet.destination, piece.identification, piece.protocol);
        if self.0.get(&key).is_none() {
            let source = Source { owner, address: packet.source };
            self.0.insert(key, Pieces::default(), (source, now + PATIENCE));
        }
        let is_well = self.0.get(&key)?.add(piece);
        if is_well && !self.0.get(&key)?.is_complete() {
            return None;
        }
        self.0.remove(&key).filter(|_| is_well).map(Pieces::join)
    }
}

impl Pieces {
    /// Whether it fits to the others.
    fn add(&mut self, piece: &Fragment<'_>) -> bool {
        let end = piece.offset + piece.data.len();
        let overlaps = |(offset, data): &(usize, Vec<u8>)| *offset < end && piece.offset < offset + data.len();
        let is_cut_well = piece.is_last || piece.data.len().is_multiple_of(8);
        let is_inside = match self.length {
            Some(length) => end <= length && !piece.is_last,
            None => !piece.is_last || self.pieces.iter().all(|(offset, data)| offset + data.len() <= end),
        };
        let is_well = end <= LONGEST && !piece.data.is_empty() && is_cut_well && is_inside;
        if !is_well || self.pieces.len() >= MOST_PIECES || self.pieces.iter().any(overlaps) {
            return false;
        }
        if piece.is_last {
            self.length = Some(end);
        }
        self.held += piece.data.len();
        self.pieces.push((piece.offset, piece.data.to_vec()));
        true
    }

    /// Pieces do not overlap, so that their lengths tell.
    fn is_complete(&self) -> bool {
        self.length == Some(self.held)
    }

    fn join(mut self) -> Vec<u8> {
        self.pieces.sort_unstable_by_key(|(offset, _)| *offset);
        self.pieces.into_iter().flat_map(|(_, data)| data).collect()
    }
}
