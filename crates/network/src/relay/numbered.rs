//! A table whose values are also found by the number that their descriptor is watched under.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Instant;

use super::flow::{Bounds, Source, Table};
use super::policy::Owner;

pub(crate) struct Numbered<K, V> {
    table: Table<K, (u64, V)>,
    keys: HashMap<u64, K>,
}

impl<K: Copy + Eq + Hash, V> Numbered<K, V> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { table: Table::new(bounds), keys: HashMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many a container has.
    pub(crate) fn count_of(&self, owner: Owner) -> usize {
        self.table.count_of(owner)
    }

    /// What is watched under this number, if it is still there.
    pub(crate) fn key(&self, number: u64) -> Option<K> {
        self.keys.get(&number).copied()
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        self.table.get(key).map(|(_, value)| value)
    }

    /// Puts a value in; what has to make room is dropped, and what was there under the same key.
    pub(crate) fn insert(&mut self, key: K, (number, value): (u64, V), (source, until): (Source, Instant)) {
        let gone = self.table.insert(key, (number, value), (source, until));
        self.keys.insert(number, key);
        self.drop_all(gone);
    }

    /// Gives it more time. It stays as old as it was.
    pub(crate) fn extend(&mut self, key: &K, until: Instant) {
        self.table.extend(key, until);
    }

    /// Gives it more time, and makes it the youngest.
    pub(crate) fn refresh(&mut self, key: &K, until: Instant) {
        self.table.refresh(key, until);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let (number, value) = self.table.remove(key)?;
        self.keys.remove(&number);
        Some(value)
    }

    /// Drops everything from an address.
    pub(crate) fn forget(&mut self, address: IpAddr) {
        let gone = self.table.forget(address);
        self.drop_all(gone);
    }

    /// Drops everything of which the time is up.
    pub(crate) fn expire(&mut self, now: Instant) {
        let gone = self.table.expire(now);
        self.drop_all(gone);
    }

    /// Drops everything that this holds for.
    pub(crate) fn remove_if(&mut self, mut condition: impl FnMut(&V) -> bool) {
        let gone = self.table.remove_if(|(_, value)| condition(value));
        self.drop_all(gone);
    }

    fn drop_all(&mut self, gone: Vec<(u64, V)>) {
        for (number, _) in gone {
            self.keys.remove(&number);
        }
    }
}
