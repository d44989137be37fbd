//! Symbolic and hard links. A symbolic link is text, wherever it points: nobody follows it but the index.

use super::super::index::{NodeId, NodeKind, Record};
use super::super::name::{self, Meaning};
use super::super::problem::{Outcome, Problem, archive};
use super::super::tar::Entry;
use super::{Unpacker, finish_special};
use bunker_sys::path;

/// The kernel's limit for a link's target (PATH_MAX with the final zero).
const TARGET_BYTES: usize = 4095;
const LINK_MODE: u16 = 0o777;

impl Unpacker<'_> {
    pub(super) fn put_symlink(&mut self, id: NodeId, entry: &mut Entry) -> Outcome<()> {
        if entry.target.is_empty() || entry.target.len() > TARGET_BYTES || entry.target.contains(&0) {
            return archive(format!("symbolic link with an impossible target of {} bytes", entry.target.len()));
        }
        let (uid, gid) = self.own(entry)?;
        self.clear(id)?;
        let place = self.directories.get(&self.index, self.index.parent(id))?;
        let name = self.index.name(id);
        path::make_symlink_at(&entry.target, place, name).map_err(Problem::system("making a symbolic link"))?;
        finish_special(place, name, ((uid, gid), entry))?;
        let size = entry.target.len() as u64;
        let record = Record { size, mode: LINK_MODE, uid, gid, modified: entry.modified, ..Record::default() };
        let record = self.index.add_link_record(record, &entry.target)?;
        self.index.put(id, NodeKind::Symlink, record);
        Ok(())
    }

    /// A second name for what stands at the target; owner, mode and time in a hard link's header say nothing new.
    pub(super) fn put_hard_link(&mut self, id: NodeId, entry: &mut Entry) -> Outcome<()> {
        let mut target = Vec::new();
        name::clean(&entry.target, &mut target)?;
        let Meaning::Plain(target) = name::meaning(&target)? else {
            return archive("hard link to the root or to a whiteout");
        };
        let (parent, last) = name::split(target);
        let there = !matches!(self.index.kind(id), NodeKind::Absent | NodeKind::Whiteout)
            && !self.index.kind(id).is_directory();
        if there && self.look_up(parent, last)? == Some(id) {
            // To itself: it is there already.
            return Ok(());
        }
        self.clear(id)?;
        // Only now: the target may have lain below what was replaced.
        let found = self.look_up(parent, last)?;
        match found.map(|found| (found, self.index.kind(found))) {
            None | Some((_, NodeKind::Absent | NodeKind::Whiteout)) => {
                let record = self.index.add_link_record(Record::default(), target)?;
                self.index.put(id, NodeKind::Pending, record);
                Ok(())
            }
            Some((_, NodeKind::Directory | NodeKind::Implied)) => archive("hard link to a directory"),
            Some((_, NodeKind::Skipped)) => self.skip_device(id),
            Some((found, kind)) => {
                if kind != NodeKind::Pending {
                    self.link_on_disk(found, id)?;
                }
                let record = self.index.record_id(found);
                self.index.put(id, kind, record);
                Ok(())
            }
        }
    }

    fn link_on_disk(&mut self, from: NodeId, to: NodeId) -> Outcome<()> {
        let parents = (self.index.parent(from), self.index.parent(to));
        let places = self.directories.pair(&self.index, parents)?;
        let (old, new) = (self.index.name(from), self.index.name(to));
        path::make_hard_link_at((places.0, old), (places.1, new)).map_err(Problem::system("making a hard link"))
    }
}
