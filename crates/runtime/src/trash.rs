//! Emptying the trash: what was moved there by whoever empties it, and, by the last one at work in it, whatever the dead left.

use std::os::fd::BorrowedFd;

use bunker_sys::{SysResult, lock};

use crate::tree;

/// Removes all of `names`, whatever happens with one; the first failure is told. `share`: ours of the trash's lock.
pub fn empty(trash: BorrowedFd<'_>, share: Option<BorrowedFd<'_>>, names: &[Vec<u8>]) -> SysResult<()> {
    let outcome = remove_all(trash, names);
    let is_last = share.is_some_and(|share| matches!(lock::is_held_elsewhere(share), Ok(false)));
    if !is_last {
        return outcome;
    }
    // All of it is doomed: should somebody move more in meanwhile, removing it is what they are about to do.
    outcome.and(tree::names(trash).and_then(|left| remove_all(trash, &left)))
}

fn remove_all(trash: BorrowedFd<'_>, names: &[Vec<u8>]) -> SysResult<()> {
    let mut outcome = Ok(());
    for name in names {
        let removed = tree::remove(trash, name);
        outcome = outcome.and(removed);
    }
    outcome
}
