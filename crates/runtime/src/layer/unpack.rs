//! Entries → directory. Decides what each entry does to what is there, in the index first, then on disk by directory
//! descriptor and one name.
//!
//! Rules, where formats and peers leave room (docker's unpacker is followed where nothing else is said):
//! - A later entry of the same path replaces an earlier one; two directories merge, the later's owner, mode and time win.
//! - A parent that is a link in this layer is followed, inside the root; where it dangles, its target is made. A parent
//!   that is anything else but a directory is an error. Parents no entry describes are made 0755, root's, with the time of
//!   the entry that needed them, and listed as implied.
//! - Whiteouts hide what lower layers have, never entries of this layer, whatever the order: a whiteout with a directory
//!   of the same name makes that directory opaque.
//! - Device nodes (overlay's 0:0 too) are skipped and counted. Hard links whose target is not in this layer stay pending.
//! - The root's own entry sets its owner, mode and time; it can be nothing but a directory.

mod content;
mod finish;
mod links;
mod remove;
mod resolve;

use super::directories::Directories;
use super::index::{HIDES, Index, NodeId, NodeKind, OPAQUE, ROOT, Record, UNSETTLED};
use super::limits::Limits;
use super::name::{self, Meaning};
use super::owners::Owners;
use super::problem::{Outcome, Problem, archive, limit};
use super::tar::{Entry, EntryKind, Input, Reader};
use super::{attributes, limits};
use bunker_sys::path::{self, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY, S_IFCHR, S_IFIFO};
use bunker_sys::{SysResult, xattr};
use std::os::fd::{AsFd, BorrowedFd};

/// Overlay's mark of an opaque directory, in the form that mounts with `userxattr` read.
const OPAQUE_ATTRIBUTE: &[u8] = b"user.overlay.opaque";
const PERMISSIONS: u32 = 0o777;
const SPECIAL_BITS: u32 = 0o7000;
const SET_GROUP_ID: u32 = 0o2000;
/// Mode of directories that no entry describes, as docker's.
const IMPLIED_MODE: u16 = 0o755;
const EPERM: i32 = 1;
const ENOTSUP: i32 = 95;

/// Counted on the way.
#[derive(Default)]
struct Counts {
    entries: u64,
    skipped_devices: u64,
    squashed_owners: u64,
    /// Files' lengths, replaced ones included: what the limit is about.
    bytes: u64,
    /// Of those, what was written, for the free space.
    written: u64,
    hashed_holes: u64,
}

pub(crate) struct Unpacker<'a> {
    directories: Directories<'a>,
    index: Index,
    owners: &'a Owners,
    single: bool,
    limits: Limits,
    /// Bytes that may be written.
    space: u64,
    counts: Counts,
    /// The directory resolved last and the path that led there.
    last: (Vec<u8>, NodeId),
}

impl<'a> Unpacker<'a> {
    /// `root` is an empty directory that is nobody else's. The umask must be 0: modes are given when files are made.
    pub(crate) fn new(root: BorrowedFd<'a>, owners: &'a Owners, limits: Limits) -> Outcome<Self> {
        let free = path::free_bytes(root).map_err(Problem::system("asking for free space"))?;
        disinherit(root).map_err(Problem::system("preparing the root"))?;
        let mut index = Index::new();
        let record = index.record_id(ROOT);
        index.record_mut(record).mode = IMPLIED_MODE;
        Ok(Self {
            directories: Directories::new(root),
            index,
            owners,
            single: owners.is_single(),
            limits,
            space: free / 100 * (100 - limits::SPACE_LEFT_PERCENT),
            counts: Counts::default(),
            last: (Vec::new(), ROOT),
        })
    }

    /// Unpacks everything. On failure `entry` is the one it happened at.
    pub(crate) fn run(&mut self, reader: &mut Reader<impl Input>, entry: &mut Entry) -> Outcome<()> {
        let mut path = Vec::new();
        while reader.next(entry)? {
            self.counts.entries += 1;
            if self.counts.entries > self.limits.entries {
                return limit(format!("more than {} entries", self.limits.entries));
            }
            name::clean(&entry.path, &mut path)?;
            if self.counts.entries == 1 {
                let root = self.index.record_id(ROOT);
                *self.index.record_mut(root) =
                    Record { mode: IMPLIED_MODE, modified: entry.modified, ..Record::default() };
            }
            self.apply(&path, entry, reader)?;
        }
        reader.finish()
    }

    fn apply(&mut self, path: &[u8], entry: &mut Entry, reader: &mut Reader<impl Input>) -> Outcome<()> {
        match name::meaning(path)? {
            Meaning::Skipped => Ok(()),
            Meaning::Opaque(directory) => {
                let id = self.directory(directory, entry)?;
                self.make_opaque(id)
            }
            Meaning::Whiteout { parent, name } => {
                let parent = self.directory(parent, entry)?;
                self.whiteout(parent, name)
            }
            Meaning::Root if entry.kind == EntryKind::Directory => self.describe_directory(ROOT, entry),
            Meaning::Root => archive("the root of a layer can only be a directory"),
            Meaning::Plain(path) => {
                let (parent, name) = name::split(path);
                let parent = self.directory(parent, entry)?;
                let id = self.index.node(parent, name)?;
                self.place(id, entry, reader)
            }
        }
    }

    fn place(&mut self, id: NodeId, entry: &mut Entry, reader: &mut Reader<impl Input>) -> Outcome<()> {
        match entry.kind {
            EntryKind::Directory => self.put_directory(id, entry),
            EntryKind::File => self.put_file(id, entry, reader),
            EntryKind::Symlink => self.put_symlink(id, entry),
            EntryKind::HardLink => self.put_hard_link(id, entry),
            EntryKind::Fifo => self.put_fifo(id, entry),
            EntryKind::Device => self.skip_device(id),
        }
    }

    fn put_directory(&mut self, id: NodeId, entry: &mut Entry) -> Outcome<()> {
        if !self.index.kind(id).is_directory() {
            self.clear(id)?;
            let mode = (entry.mode & PERMISSIONS) as u16;
            self.make_directory(id, NodeKind::Directory, Record { mode, ..Record::default() })?;
        }
        self.describe_directory(id, entry)
    }

    /// What the entry says about a directory that is there; owner, mode and time get to the disk at the end.
    fn describe_directory(&mut self, id: NodeId, entry: &mut Entry) -> Outcome<()> {
        let (uid, gid) = self.own(entry)?;
        let record = self.index.record_id(id);
        let known = self.index.record(record);
        if (u32::from(known.mode), known.uid, known.gid) != (entry.mode, uid, gid) {
            self.index.set(id, UNSETTLED);
        }
        let (mode, modified) = (entry.mode as u16, entry.modified);
        *self.index.record_mut(record) = Record { mode, uid, gid, modified, ..Record::default() };
        self.index.put(id, NodeKind::Directory, record);
        if entry.attributes.iter().any(|(name, value)| attributes::kept(name, value).is_some()) {
            let directory = self.open_directory(id)?;
            set_attributes(directory.as_fd(), entry)?;
        }
        Ok(())
    }

    /// Makes a directory, with the record's mode, where nothing is.
    fn make_directory(&mut self, id: NodeId, kind: NodeKind, record: Record) -> Outcome<()> {
        let place = self.directories.get(&self.index, self.index.parent(id))?;
        let mode = record.mode.into();
        path::make_directory_at(place, self.index.name(id), mode).map_err(Problem::system("making a directory"))?;
        let record = self.index.add_record(record)?;
        self.index.put(id, kind, record);
        if self.index.has(id, HIDES) { self.mark_opaque(id) } else { Ok(()) }
    }

    fn put_fifo(&mut self, id: NodeId, entry: &mut Entry) -> Outcome<()> {
        let (uid, gid) = self.own(entry)?;
        self.clear(id)?;
        let place = self.directories.get(&self.index, self.index.parent(id))?;
        let name = self.index.name(id);
        let mode = entry.mode & PERMISSIONS;
        path::make_node_at(place, name, S_IFIFO | mode).map_err(Problem::system("making a FIFO"))?;
        finish_special(place, name, ((uid, gid), entry))?;
        let modified = entry.modified;
        let record = self.index.add_record(Record { mode: mode as u16, uid, gid, modified, ..Record::default() })?;
        self.index.put(id, NodeKind::Fifo, record);
        Ok(())
    }

    /// An ordinary user cannot make devices, and containers mount their roots nodev: nothing is made.
    fn skip_device(&mut self, id: NodeId) -> Outcome<()> {
        self.counts.skipped_devices += 1;
        self.clear(id)?;
        if self.index.has(id, HIDES) {
            return self.make_whiteout(id);
        }
        self.index.put(id, NodeKind::Skipped, 0);
        Ok(())
    }

    fn whiteout(&mut self, parent: NodeId, name: &[u8]) -> Outcome<()> {
        let id = self.index.node(parent, name)?;
        if self.index.has(id, HIDES) {
            return Ok(());
        }
        self.index.set(id, HIDES);
        match self.index.kind(id) {
            NodeKind::Absent | NodeKind::Skipped => self.make_whiteout(id),
            NodeKind::Directory | NodeKind::Implied if !self.index.has(id, OPAQUE) => self.mark_opaque(id),
            // It hides what is below by being there.
            _ => Ok(()),
        }
    }

    fn make_whiteout(&mut self, id: NodeId) -> Outcome<()> {
        let place = self.directories.get(&self.index, self.index.parent(id))?;
        let name = self.index.name(id);
        let made = match path::make_node_at(place, name, S_IFCHR) {
            // On the overlay of an outer container nothing can be made that is a whiteout of this one. Such a data home holds no
            // overlay of the kernel's either, and the other drivers read what archives have in its place.
            Err(error) if error.errno == EPERM => {
                path::open_at(place, &name::whiteout_file(name), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0).map(drop)
            }
            other => other,
        };
        made.map_err(Problem::system("making a whiteout"))?;
        self.index.put(id, NodeKind::Whiteout, 0);
        Ok(())
    }

    fn make_opaque(&mut self, id: NodeId) -> Outcome<()> {
        if self.index.has(id, OPAQUE) {
            return Ok(());
        }
        self.index.set(id, OPAQUE);
        if self.index.has(id, HIDES) { Ok(()) } else { self.mark_opaque(id) }
    }

    fn mark_opaque(&mut self, id: NodeId) -> Outcome<()> {
        let directory = self.open_directory(id)?;
        xattr::set(directory.as_fd(), OPAQUE_ATTRIBUTE, b"y").map_err(Problem::system("marking a directory opaque"))
    }

    /// A descriptor for attributes: those of the cache cannot set them.
    fn open_directory(&mut self, id: NodeId) -> Outcome<std::os::fd::OwnedFd> {
        let directory = self.directories.get(&self.index, id)?;
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
        path::open_at(directory, b".", flags, 0).map_err(Problem::system("opening a directory"))
    }

    /// Whom the entry shall belong to here.
    fn own(&mut self, entry: &Entry) -> Outcome<(u32, u32)> {
        if self.single {
            self.counts.squashed_owners += u64::from((entry.uid, entry.gid) != (0, 0));
            return Ok((0, 0));
        }
        self.owners.check(entry.uid, entry.gid)?;
        Ok((entry.uid, entry.gid))
    }
}

/// A root in a set-group-id directory has got its group and bit, and would hand them on to all we make.
fn disinherit(root: BorrowedFd<'_>) -> SysResult<()> {
    if path::status(root)?.mode & SET_GROUP_ID == 0 {
        return Ok(());
    }
    path::change_owner(root, (0, 0))?;
    path::change_mode(root, IMPLIED_MODE.into())
}

/// Owner and time of what has no descriptor: links and FIFOs. We make everything as 0:0.
fn finish_special(place: BorrowedFd<'_>, name: &[u8], (owner, entry): ((u32, u32), &Entry)) -> Outcome<()> {
    if owner != (0, 0) {
        path::change_owner_at(place, name, owner).map_err(Problem::system("setting an owner"))?;
    }
    path::set_time_at(place, name, entry.modified).map_err(Problem::system("setting a time"))
}

/// Sets what is kept of the entry's attributes. A file system without any is no reason to fail, as for docker.
fn set_attributes(file: BorrowedFd<'_>, entry: &Entry) -> Outcome<bool> {
    let mut capable = false;
    for (name, value) in &entry.attributes {
        let Some(value) = attributes::kept(name, value) else { continue };
        match xattr::set(file, name, &value) {
            Ok(()) => capable |= attributes::is_capability(name),
            Err(error) if error.errno == ENOTSUP => {}
            // ext4 keeps them in one block: ENOSPC here is not a full disk.
            Err(error) => return archive(format!("extended attributes cannot be kept here: {error}")),
        }
    }
    Ok(capable)
}

#[cfg(test)]
#[path = "unpack/unpack_test.rs"]
mod tests;
