//! Making room: what a later entry of the same path replaces goes, on disk and in the index.

use super::super::index::{HIDES, NodeId, NodeKind, ROOT};
use super::super::name::whiteout_file;
use super::super::problem::{Outcome, Problem};
use super::Unpacker;
use bunker_sys::path;

const ENOENT: i32 = 2;

impl Unpacker<'_> {
    /// Afterwards nothing stands at the name. What a whiteout of this very name said stays said.
    pub(super) fn clear(&mut self, id: NodeId) -> Outcome<()> {
        match self.index.kind(id) {
            NodeKind::Absent => Ok(()),
            NodeKind::Directory | NodeKind::Implied => {
                // The cached path may lead through what goes now.
                self.last = (Vec::new(), ROOT);
                self.clear_tree(id)
            }
            NodeKind::Symlink => {
                self.last = (Vec::new(), ROOT);
                self.clear_one(id)
            }
            _ => self.clear_one(id),
        }
    }

    /// Children before their parents, without recursion: trees may be as deep as paths are long.
    fn clear_tree(&mut self, top: NodeId) -> Outcome<()> {
        let mut here = top;
        loop {
            match self.index.first_child(here) {
                Some(child) if self.index.kind(child).is_directory() => here = child,
                Some(child) => {
                    self.clear_one(child)?;
                    self.index.unset(child, HIDES);
                }
                None => {
                    let parent = self.index.parent(here);
                    self.clear_one(here)?;
                    if here == top {
                        return Ok(());
                    }
                    self.index.unset(here, HIDES);
                    here = parent;
                }
            }
        }
    }

    fn clear_one(&mut self, id: NodeId) -> Outcome<()> {
        let kind = self.index.kind(id);
        self.directories.forget(id);
        let place = self.directories.get(&self.index, self.index.parent(id))?;
        let name = self.index.name(id);
        let removed = match kind {
            NodeKind::Pending | NodeKind::Skipped | NodeKind::Absent => Ok(()),
            NodeKind::Directory | NodeKind::Implied => path::remove_directory_at(place, name),
            NodeKind::Whiteout => match path::remove_file_at(place, name) {
                Err(error) if error.errno == ENOENT => path::remove_file_at(place, &whiteout_file(name)),
                other => other,
            },
            _ => path::remove_file_at(place, name),
        };
        removed.map_err(Problem::system("replacing an earlier entry"))?;
        self.index.clear(id);
        Ok(())
    }
}
