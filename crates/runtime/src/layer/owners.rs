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
    /// Those of a container; those of U where it lives in that itself.
    #[must_use]
    pub fn of(namespace: &UserNamespace) -> Self {
        let ids = |own: &[IdMapping], user: &[IdMapping]| if own.is_empty() { identity(user) } else { own.to_vec() };
        Self {
            uids: ids(&namespace.container_uid_map, &namespace.user_uid_map),
            gids: ids(&namespace.container_gid_map, &namespace.user_gid_map),
        }
    }

    /// Every id there can be.
    #[must_use]
    pub fn all() -> Self {
        let map = vec![IdMapping { inside: 0, outside: 0, size: u32::MAX }];
        Self { uids: map.clone(), gids: map }
    }

    /// What a container calls an owner, as ids of U (`outside` of its map). Ids it has not become U's root.
    #[must_use]
    pub fn outside(&self, (uid, gid): (u32, u32)) -> (u32, u32) {
        let find = |id: u32, map: &[IdMapping]| {
            let line = map.iter().find(|line| id >= line.inside && id - line.inside < line.size);
            line.map_or(0, |line| line.outside + (id - line.inside))
        };
        (find(uid, &self.uids), find(gid, &self.gids))
    }

    /// The other way round; ids it has not are nobody's.
    pub(crate) fn inside(&self, (uid, gid): (u32, u32)) -> (u32, u32) {
        const NOBODY: u32 = 65534;
        let find = |id: u32, map: &[IdMapping]| {
            let line = map.iter().find(|line| id >= line.outside && id - line.outside < line.size);
            line.map_or(NOBODY, |line| line.inside + (id - line.outside))
        };
        (find(uid, &self.uids), find(gid, &self.gids))
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

/// A map in its own terms: what is inside of it, as itself.
fn identity(map: &[IdMapping]) -> Vec<IdMapping> {
    map.iter().map(|line| IdMapping { outside: line.inside, ..*line }).collect()
}
