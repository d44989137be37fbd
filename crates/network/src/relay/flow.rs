//! What is under way, in tables with bounds: so many of one container, so many in all, each until its time is up. Room is made
//! by the container that has too many, or by the one that has most, and there by the address that has most: its oldest goes.
//! Time comes in from outside.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Instant;

use super::policy::Owner;

#[cfg(test)]
#[path = "flow_test.rs"]
mod tests;

/// How many a table holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) per_owner: usize,
    pub(crate) in_all: usize,
}

/// Whose something is: the container that it counts for, and the address that it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) owner: Owner,
    pub(crate) address: IpAddr,
}

struct Entry<V> {
    value: V,
    source: Source,
    turn: u64,
    until: Instant,
}

/// What one container has.
struct Share<K> {
    count: usize,
    /// The keys of each address, by how long ago they were made or last used.
    order: HashMap<IpAddr, BTreeMap<u64, K>>,
}

/// Values by key, each with its source.
pub(crate) struct Table<K, V> {
    bounds: Bounds,
    entries: HashMap<K, Entry<V>>,
    shares: HashMap<Owner, Share<K>>,
    turn: u64,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, entries: HashMap::new(), shares: HashMap::new(), turn: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|entry| &mut entry.value)
    }

    /// Puts a value in; what had to make room comes out, and what was there under the same key.
    pub(crate) fn insert(&mut self, key: K, value: V, (source, until): (Source, Instant)) -> Vec<V> {
        let mut out: Vec<V> = self.remove(&key).into_iter().collect();
        let crowded = if self.count_of(source.owner) >= self.bounds.per_owner {
            self.shares.get(&source.owner)
        } else if self.entries.len() >= self.bounds.in_all {
            self.shares.values().max_by_key(|share| share.count)
        } else {
            None
        };
        let victim = crowded.and_then(Share::victim);
        out.extend(victim.and_then(|key| self.remove(&key)));
        self.turn += 1;
        let share = self.shares.entry(source.owner).or_insert_with(Share::new);
        share.count += 1;
        share.order.entry(source.address).or_default().insert(self.turn, key);
        self.entries.insert(key, Entry { value, source, turn: self.turn, until });
        out
    }

    /// Gives it more time. It stays as old as it was.
    pub(crate) fn extend(&mut self, key: &K, until: Instant) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.until = until;
        }
    }

    /// Gives it more time, and makes it the youngest.
    pub(crate) fn refresh(&mut self, key: &K, until: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        self.turn += 1;
        let share = self.shares.get_mut(&entry.source.owner);
        if let Some(keys) = share.and_then(|share| share.order.get_mut(&entry.source.address)) {
            keys.remove(&entry.turn);
            keys.insert(self.turn, *key);
        }
        (entry.turn, entry.until) = (self.turn, until);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        if let Some(share) = self.shares.get_mut(&entry.source.owner) {
            share.remove(entry.source.address, entry.turn);
            if share.count == 0 {
                self.shares.remove(&entry.source.owner);
            }
        }
        Some(entry.value)
    }

    /// How many a container has.
    pub(crate) fn count_of(&self, owner: Owner) -> usize {
        self.shares.get(&owner).map_or(0, |share| share.count)
    }

    /// Everything from an address.
    pub(crate) fn forget(&mut self, address: IpAddr) -> Vec<V> {
        self.remove_where(|entry| entry.source.address == address)
    }

    /// Everything of which the time is up.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<V> {
        self.remove_where(|entry| entry.until <= now)
    }

    /// Everything that this holds for.
    pub(crate) fn remove_if(&mut self, mut condition: impl FnMut(&V) -> bool) -> Vec<V> {
        self.remove_where(|entry| condition(&entry.value))
    }

    fn remove_where(&mut self, mut condition: impl FnMut(&Entry<V>) -> bool) -> Vec<V> {
        let keys: Vec<K> = self.entries.iter().filter(|(_, entry)| condition(entry)).map(|(key, _)| *key).collect();
        keys.iter().filter_map(|key| self.remove(key)).collect()
    }
}

impl<K: Copy> Share<K> {
    fn new() -> Self {
        Self { count: 0, order: HashMap::new() }
    }

    fn remove(&mut self, address: IpAddr, turn: u64) {
        self.count -= 1;
        if let Some(keys) = self.order.get_mut(&address) {
            keys.remove(&turn);
            if keys.is_empty() {
                self.order.remove(&address);
            }
        }
    }

    /// The oldest of the address that has most, and of several such the very oldest.
    fn victim(&self) -> Option<K> {
        let oldest = |keys: &BTreeMap<u64, K>| keys.first_key_value().map(|(turn, key)| (*turn, *key));
        let all = self.order.values().filter_map(|keys| Some((keys.len(), oldest(keys)?)));
        all.max_by_key(|(count, (turn, _))| (*count, Reverse(*turn))).map(|(_, (_, key))| key)
    }
}
