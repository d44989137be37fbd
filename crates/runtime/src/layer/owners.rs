//! Whom entries may belong to: the ids of the user namespace we are in.

use super::problem::{Outcome, archive};
use crate::spec::{IdMapping, UserNamespace};

/// The ids that exist.
#[derive(Clone, Debug)]
pub struct Owners {
    pub(crate) uids: Vec<IdMapping>,
    pub(crate) gids: Vec<IdMapping>,
}

impl Owners {
    /// Those of a container.
    #[must_use]
    pub fn of(namespace: &UserNamespace) -> Self {
        Self { uids: namespace.container_uid_map.clone(), gids: namespace.container_gid_map.clone() }
    }

    /// Every id there can be.
    #[must_use]
    pub fn all() -> Self {
        let map = vec![IdMapping { inside: 0, outside: 0, size: u32::MAX }];
        Self { uids: map.clone(), gids: map }
    }

    /// Only one id is mapped: everything belongs to it, whoever the archive says.
    pub(crate) fn is_single(&self) -> bool {
        let count = |map: &[IdMapping]| map.iter().map(|line| u64::from(line.size)).sum::<u64>();
        count(&self.uids) <= 1 || count(&self.gids) <= 1
    }

    /// Both ids exist, else the archive cannot be unpacked here.
    pub(crate) fn check(&self, uid: u32, gid: u32) -> Outcome<()> {
        for (what, file, id, map) in [("uid", "subuid", uid, &self.uids), ("gid", "subgid", gid, &self.gids)] {
            let mapped = |line: &IdMapping| id >= line.inside && id - line.inside < line.size;
            if !map.iter().any(mapped) {
                return archive(format!("{what} {id} is not mapped; the user needs a larger range in /etc/{file}"));
            }
        }
        Ok(())
    }
}
