//! Open descriptors of the layer's directories: a few, those used last. Entries of one directory mostly follow each other,
//! so most need no lookup at all.

use super::index::{Index, NodeId, ROOT};
use super::problem::{Outcome, Problem};
use bunker_sys::path::{self, O_DIRECTORY, O_NOFOLLOW, O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Deep enough for nearly every tree, small enough for a search by looking at each.
const KEPT: usize = 32;

struct Open {
    id: NodeId,
    directory: OwnedFd,
    used: u64,
}

pub(crate) struct Directories<'a> {
    root: BorrowedFd<'a>,
    open: Vec<Open>,
    clock: u64,
    path: Vec<u8>,
}

impl<'a> Directories<'a> {
    pub(crate) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, open: Vec::with_capacity(KEPT), clock: 0, path: Vec::new() }
    }

    pub(crate) fn root(&self) -> BorrowedFd<'a> {
        self.root
    }

    pub(crate) fn get(&mut self, index: &Index, id: NodeId) -> Outcome<BorrowedFd<'_>> {
        match self.place(index, id)? {
            Some(place) => Ok(self.open[place].directory.as_fd()),
            None => Ok(self.root),
        }
    }

    /// Both at once.
    pub(crate) fn pair(&mut self, index: &Index, ids: (NodeId, NodeId)) -> Outcome<(BorrowedFd<'_>, BorrowedFd<'_>)> {
        // The second cannot push out the first, which was used last.
        self.place(index, ids.0)?;
        let second = self.place(index, ids.1)?;
        let first = self.place(index, ids.0)?;
        let at = |place: Option<usize>| place.map_or(self.root, |place| self.open[place].directory.as_fd());
        Ok((at(first), at(second)))
    }

    /// The directory is about to be removed.
    pub(crate) fn forget(&mut self, id: NodeId) {
        self.open.retain(|open| open.id != id);
    }

    /// Where in `open` it is; `None`: it is the root.
    fn place(&mut self, index: &Index, id: NodeId) -> Outcome<Option<usize>> {
        if id == ROOT {
            return Ok(None);
        }
        self.clock += 1;
        if let Some(place) = self.open.iter().position(|open| open.id == id) {
            self.open[place].used = self.clock;
            return Ok(Some(place));
        }
        let directory = self.look_up(index, id)?;
        let open = Open { id, directory, used: self.clock };
        if self.open.len() < KEPT {
            self.open.push(open);
            return Ok(Some(self.open.len() - 1));
        }
        let oldest = (0..KEPT).min_by_key(|place| self.open[*place].used).unwrap_or(0);
        self.open[oldest] = open;
        Ok(Some(oldest))
    }

    /// From its parent if that is open, else from the root; its path has no links, and none is followed.
    fn look_up(&mut self, index: &Index, id: NodeId) -> Outcome<OwnedFd> {
        let parent = index.parent(id);
        let flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
        let near = if parent == ROOT {
            Some(self.root)
        } else {
            self.open.iter().find(|open| open.id == parent).map(|open| open.directory.as_fd())
        };
        let found = match near {
            Some(near) => path::open_at(near, index.name(id), flags, 0),
            None => {
                index.write_path(id, &mut self.path);
                path::open_at2(self.root, &self.path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS)
            }
        };
        found.map_err(Problem::system("opening a directory"))
    }
}
