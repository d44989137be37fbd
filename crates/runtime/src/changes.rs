//! What a container changed: its own tree beside the layers below it, read from outside while it may be running. By descriptor, and no
//! link is followed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{self, Status};
use bunker_sys::{SysError, SysResult};
use serde::Serialize;

use crate::layer::merged::{Child, Parts, child, is_opaque};
use crate::tree;
use crate::{Failure, FailureCode};

const ENOENT: i32 = 2;
const ELOOP: i32 = 40;
const DIRECTORY: i32 = path::O_RDONLY | path::O_DIRECTORY | path::O_NOFOLLOW;
/// Each level holds a descriptor for each layer.
const MAX_DEPTH: usize = 1000;
/// An answer has room for so many bytes of names.
const MAX_NAMES: usize = 8 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Kind {
    #[serde(rename = "A")]
    Added,
    #[serde(rename = "C")]
    Changed,
    #[serde(rename = "D")]
    Deleted,
}

/// Serialized as `["C", "/etc"]`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Change(pub Kind, pub String);

/// The container's tree, and what it began with.
pub struct Sides<'a> {
    pub own: BorrowedFd<'a>,
    /// The topmost first.
    pub layers: &'a [BorrowedFd<'a>],
    /// All that is there is in `own`, not only what is new.
    pub complete: bool,
}

/// In the order of their paths.
///
/// # Errors
/// `System`, also for more than can be told.
pub fn changes(sides: &Sides<'_>) -> Result<Vec<Change>, Failure> {
    let failed =
        |error: SysError| Failure::system(FailureCode::System, "comparing the container with its image", &error);
    let below = visible(sides.layers).map_err(failed)?;
    let mut walk = Walk { complete: sides.complete, found: Vec::new(), at: Vec::new(), size: 0 };
    walk.level(sides.own, &below, 0).map_err(failed)?;
    Ok(walk.found)
}

struct Walk {
    complete: bool,
    found: Vec<Change>,
    at: Vec<u8>,
    size: usize,
}

impl Walk {
    /// `hides`: what is below and not here is gone.
    fn level(&mut self, own: BorrowedFd<'_>, below: &Parts, depth: usize) -> SysResult<()> {
        if depth > MAX_DEPTH {
            return Err(SysError::new("comparing directories: nested too deep", ELOOP));
        }
        let hides = self.complete || is_opaque(own)?;
        let mut names = tree::names(own)?;
        let mut lost = if hides { listed(below)? } else { Vec::new() };
        // Directories may be large.
        names.sort_unstable();
        lost.retain(|name| names.binary_search(name).is_err());
        names.extend(lost);
        names.sort_unstable();
        let length = self.at.len();
        for name in names {
            self.at.push(b'/');
            self.at.extend_from_slice(&name);
            self.entry(own, (&name, below), depth)?;
            self.at.truncate(length);
        }
        Ok(())
    }

    fn entry(&mut self, own: BorrowedFd<'_>, (name, below): (&[u8], &Parts), depth: usize) -> SysResult<()> {
        let before = child(below, name)?;
        let status = match path::status_at(own, name) {
            Err(error) if error.errno == ENOENT => None,
            other => Some(other?),
        };
        let status = status.filter(|status| !status.is_whiteout());
        match (status, before) {
            (None, Child::Missing) => Ok(()),
            (None, _) => self.note(Kind::Deleted),
            (Some(status), Child::Missing) => {
                self.note(Kind::Added)?;
                self.inside(own, (name, &Parts::new(), &status), depth)
            }
            (Some(status), Child::Other(_, old)) => {
                if self.complete && !differs(&status, &old) {
                    return Ok(());
                }
                self.note(Kind::Changed)?;
                self.inside(own, (name, &Parts::new(), &status), depth)
            }
            (Some(status), Child::Directory(_)) if !status.is_directory() => self.note(Kind::Changed),
            (Some(status), Child::Directory(parts)) => {
                let here = self.found.len();
                self.note(Kind::Changed)?;
                self.inside(own, (name, &parts, &status), depth)?;
                let old = parts.first().map(|part| path::status(part.as_fd())).transpose()?;
                // Overlay also copies up what it only has to pass through.
                if self.found.len() == here + 1 && old.is_some_and(|old| !differs(&status, &old)) {
                    self.found.truncate(here);
                }
                Ok(())
            }
        }
    }

    fn inside(
        &mut self,
        own: BorrowedFd<'_>,
        (name, below, status): (&[u8], &Parts, &Status),
        depth: usize,
    ) -> SysResult<()> {
        if !status.is_directory() {
            return Ok(());
        }
        let directory: OwnedFd = path::open_at(own, name, DIRECTORY, 0)?;
        self.level(directory.as_fd(), below, depth + 1)
    }

    fn note(&mut self, kind: Kind) -> SysResult<()> {
        const E2BIG: i32 = 7;
        self.size += self.at.len();
        if self.size > MAX_NAMES {
            return Err(SysError::new("telling what was changed: too many files", E2BIG));
        }
        self.found.push(Change(kind, String::from_utf8_lossy(&self.at).into_owned()));
        Ok(())
    }
}

/// Their top directories, down to one that hides the others.
fn visible(layers: &[BorrowedFd<'_>]) -> SysResult<Parts> {
    let mut parts = Parts::new();
    for layer in layers {
        parts.push(path::open_at(*layer, b".", DIRECTORY, 0)?);
        if is_opaque(*layer)? {
            break;
        }
    }
    Ok(parts)
}

/// What the merged directory shows.
fn listed(below: &Parts) -> SysResult<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for part in below {
        names.extend(tree::names(part.as_fd())?);
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn differs(one: &Status, other: &Status) -> bool {
    let kind = |status: &Status| (status.mode, status.uid, status.gid);
    let content = |status: &Status| (status.size, status.modified.seconds, status.modified.nanoseconds);
    kind(one) != kind(other) || (!one.is_directory() && content(one) != content(other))
}

#[cfg(test)]
#[path = "changes_test.rs"]
mod tests;
