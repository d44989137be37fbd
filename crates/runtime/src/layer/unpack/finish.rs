//! The last pass: directories get their owner, mode and time (anything made in them before would have changed the time, and
//! a set-group-id bit would have been inherited), and everything is written to the manifest, in the order of paths.

use super::super::index::{HIDES, NodeId, NodeKind, OPAQUE, ROOT, Record, UNSETTLED};
use super::super::manifest::{Line, LineKind, Writer};
use super::super::problem::{Outcome, Problem};
use super::Unpacker;
use bunker_sys::path::{self, O_DIRECTORY, O_NOFOLLOW, O_RDONLY};
use std::os::fd::AsFd;

const SET_ID_BITS: u16 = 0o6000;
const EXECUTE_BITS: u16 = 0o111;

/// What was unpacked, as the reply tells it.
#[derive(Default)]
pub(crate) struct Summary {
    /// Entries of the archive, extension headers aside.
    pub(crate) entries: u64,
    /// Lengths of the files that are there now.
    pub(crate) bytes: u64,
    pub(crate) skipped_devices: u64,
    /// Entries that belong to the only id there is, not to the one they name.
    pub(crate) squashed_owners: u64,
    /// The root aside.
    pub(crate) implied_directories: u64,
    pub(crate) pending_links: u64,
    /// Whiteouts, those in the root aside.
    pub(crate) whiteouts: u64,
    /// Executables that give their caller other ids or capabilities.
    pub(crate) setuid: u64,
    pub(crate) opaque_root: bool,
}

impl Unpacker<'_> {
    pub(crate) fn finish(mut self, writer: &mut Writer) -> Outcome<Summary> {
        let mut summary = Summary {
            entries: self.counts.entries,
            skipped_devices: self.counts.skipped_devices,
            squashed_owners: self.counts.squashed_owners,
            opaque_root: self.index.has(ROOT, OPAQUE),
            ..Summary::default()
        };
        // The first name of each file, by record; its later names are listed as hard links to that.
        let mut first_names = vec![ROOT; self.index.record_count()];
        let (mut name, mut target) = (Vec::new(), Vec::new());
        for id in self.index.sorted() {
            let kind = self.index.kind(id);
            let record_id = self.index.record_id(id);
            let record = if kind == NodeKind::Whiteout { Record::default() } else { *self.index.record(record_id) };
            self.index.write_path(id, &mut name);
            if kind.is_directory() {
                self.settle(id, &record)?;
                summary.implied_directories += u64::from(kind == NodeKind::Implied && id != ROOT);
            }
            let first = std::mem::replace(&mut first_names[record_id as usize], id);
            let kind = match kind {
                NodeKind::Directory => LineKind::Directory,
                NodeKind::Implied => LineKind::Implied,
                NodeKind::Pending => LineKind::Pending,
                NodeKind::Whiteout => LineKind::Whiteout,
                NodeKind::File | NodeKind::Symlink | NodeKind::Fifo if first != ROOT => {
                    first_names[record_id as usize] = first;
                    LineKind::HardLink
                }
                NodeKind::File => LineKind::File,
                NodeKind::Symlink => LineKind::Symlink,
                NodeKind::Fifo => LineKind::Fifo,
                NodeKind::Absent | NodeKind::Skipped => continue,
            };
            target.clear();
            match kind {
                LineKind::Symlink | LineKind::Pending => target.extend_from_slice(self.index.target(record_id)),
                LineKind::HardLink => self.index.write_path(first, &mut target),
                _ => {}
            }
            summary.count(kind, &record);
            summary.whiteouts += u64::from(kind == LineKind::Whiteout && self.index.parent(id) != ROOT);
            writer.write(&line(kind, &record, (&name, &target)))?;
            self.mark_hidden(id, &name, writer)?;
        }
        Ok(summary)
    }

    /// The line that says a directory is opaque, and whether a whiteout made it so.
    fn mark_hidden(&self, id: NodeId, name: &[u8], writer: &mut Writer) -> Outcome<()> {
        let removed = self.index.has(id, HIDES);
        if !self.index.kind(id).is_directory() || !(removed || self.index.has(id, OPAQUE)) {
            return Ok(());
        }
        writer.write(&Line { removed, ..line(LineKind::Opaque, &Record::default(), (name, b"")) })
    }

    fn settle(&mut self, id: NodeId, record: &Record) -> Outcome<()> {
        let root = self.directories.root();
        let (place, name) = match id {
            ROOT => (root, &b"."[..]),
            _ => (self.directories.get(&self.index, self.index.parent(id))?, self.index.name(id)),
        };
        if !self.index.has(id, UNSETTLED) {
            return path::set_time_at(place, name, record.modified).map_err(Problem::system("setting a time"));
        }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
        let directory = path::open_at(place, name, flags, 0).map_err(Problem::system("opening a directory"))?;
        let owner = (record.uid, record.gid);
        // We made it as 0:0.
        if owner != (0, 0) {
            path::change_owner(directory.as_fd(), owner).map_err(Problem::system("setting an owner"))?;
        }
        path::change_mode(directory.as_fd(), record.mode.into()).map_err(Problem::system("setting a mode"))?;
        path::set_time(directory.as_fd(), record.modified).map_err(Problem::system("setting a time"))
    }
}

impl Summary {
    fn count(&mut self, kind: LineKind, record: &Record) {
        match kind {
            LineKind::File => {
                self.bytes += record.size;
                let executable = record.mode & EXECUTE_BITS != 0;
                self.setuid += u64::from(executable && (record.mode & SET_ID_BITS != 0 || record.capable));
            }
            LineKind::Pending => self.pending_links += 1,
            _ => {}
        }
    }
}

fn line<'a>(kind: LineKind, record: &Record, (path, target): (&'a [u8], &'a [u8])) -> Line<'a> {
    Line {
        kind,
        mode: record.mode.into(),
        uid: record.uid,
        gid: record.gid,
        size: record.size,
        modified: record.modified,
        checksum: record.checksum.filter(|_| matches!(kind, LineKind::File | LineKind::HardLink)),
        path: path.into(),
        target: target.into(),
        removed: false,
    }
}
