//! What is under way, in tables with bounds: so many per source, so many in all, each until its time is up. The oldest makes
//! room: of the source that has too many, or of the source that has most. Time comes in from outside.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Instant;

#[cfg(test)]
#[path = "flow_test.rs"]
mod tests;

/// How many a table holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) per_source: usize,
    pub(crate) in_all: usize,
}

struct Entry<V> {
    value: V,
    source: IpAddr,
    turn: u64,
    until: Instant,
}

/// Values by key, each with the address that it is for.
pub(crate) struct Table<K, V> {
    bounds: Bounds,
    entries: HashMap<K, Entry<V>>,
    /// The keys of each source, by how long ago they were made or last used.
    order: HashMap<IpAddr, BTreeMap<u64, K>>,
    turn: u64,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, entries: HashMap::new(), order: HashMap::new(), turn: 0 }
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
    pub(crate) fn insert(&mut self, key: K, value: V, (source, until): (IpAddr, Instant)) -> Vec<V> {
        let mut out: Vec<V> = self.remove(&key).into_iter().collect();
        let own = self.order.get(&source).map_or(0, BTreeMap::len);
        let crowded = if own >= self.bounds.per_source {
            Some(source)
        } else if self.entries.len() >= self.bounds.in_all {
            self.order.iter().max_by_key(|(_, keys)| keys.len()).map(|(source, _)| *source)
        } else {
            None
        };
        out.extend(crowded.and_then(|source| self.remove_oldest(source)));
        self.turn += 1;
        self.order.entry(source).or_default().insert(self.turn, key);
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
        let keys = self.order.entry(entry.source).or_default();
        keys.remove(&entry.turn);
        keys.insert(self.turn, *key);
        (entry.turn, entry.until) = (self.turn, until);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.remove(key)?;
        if let Some(keys) = self.order.get_mut(&entry.source) {
            keys.remove(&entry.turn);
            if keys.is_empty() {
                self.order.remove(&entry.source);
            }
        }
        Some(entry.value)
    }

    fn remove_oldest(&mut self, source: IpAddr) -> Option<V> {
        let key = *self.order.get(&source)?.first_key_value()?.1;
        self.remove(&key)
    }

    /// Everything of a source.
    pub(crate) fn forget(&mut self, source: IpAddr) -> Vec<V> {
        let keys: Vec<K> = self.order.get(&source).into_iter().flat_map(BTreeMap::values).copied().collect();
        keys.iter().filter_map(|key| self.remove(key)).collect()
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
