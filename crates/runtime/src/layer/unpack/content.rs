//! Regular files: content, holes, checksum, and what has to be set on them, in the order the kernel wants: writing and
//! chown take away setuid bits and capabilities, so these come last, and the time after all.

use super::super::index::{NodeId, NodeKind, Record};
use super::super::limits;
use super::super::problem::{Outcome, Problem, limit};
use super::super::tar::{Entry, Input, Reader, Segment};
use super::{PERMISSIONS, SPECIAL_BITS, Unpacker, set_attributes};
use bunker_sys::path::{self, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY};
use std::os::fd::{AsFd, BorrowedFd};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Fed to checksums in place of holes.
static ZEROS: [u8; 4096] = [0; 4096];

impl Unpacker<'_> {
    pub(super) fn put_file(&mut self, id: NodeId, entry: &mut Entry, reader: &mut Reader<impl Input>) -> Outcome<()> {
        let (uid, gid) = self.own(entry)?;
        let hashed = self.account(entry)?;
        self.clear(id)?;
        let place = self.directories.get(&self.index, self.index.parent(id))?;
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
        let file = path::open_at(place, self.index.name(id), flags, entry.mode & PERMISSIONS);
        let file = file.map_err(Problem::system("making a file"))?;
        let file = file.as_fd();
        let checksum = match &entry.sparse {
            None => Some(write_plain(file, entry.size, reader)?),
            Some(segments) => write_sparse(file, (segments, entry.size, hashed), reader)?,
        };
        if (uid, gid) != (0, 0) {
            path::change_owner(file, (uid, gid)).map_err(Problem::system("setting an owner"))?;
        }
        if entry.mode & SPECIAL_BITS != 0 {
            path::change_mode(file, entry.mode).map_err(Problem::system("setting a mode"))?;
        }
        let capable = set_attributes(file, entry)?;
        path::set_time(file, entry.modified).map_err(Problem::system("setting a time"))?;
        let (size, modified, mode) = (entry.size, entry.modified, entry.mode as u16);
        let record = Record { size, modified, checksum, mode, uid, gid, capable, ..Record::default() };
        let record = self.index.add_record(record)?;
        self.index.put(id, NodeKind::File, record);
        Ok(())
    }

    /// Counts the file against the limits before anything of it is made. Whether its checksum may be made.
    fn account(&mut self, entry: &mut Entry) -> Outcome<bool> {
        let stored = entry.sparse.as_ref().map_or(entry.size, |segments| segments.iter().map(|part| part.length).sum());
        self.counts.bytes = self.counts.bytes.saturating_add(entry.size);
        self.counts.written = self.counts.written.saturating_add(stored);
        if self.counts.bytes > self.limits.bytes {
            return limit(format!("its files have together more than {} bytes", self.limits.bytes));
        }
        if self.counts.written > self.space {
            return Err(Problem::NoSpace(format!(
                "no space left: it needs more than the {} bytes that are free for it",
                self.space
            )));
        }
        self.counts.hashed_holes = self.counts.hashed_holes.saturating_add(entry.size - stored);
        Ok(self.counts.hashed_holes <= limits::HASHED_HOLES)
    }
}

fn write_plain(file: BorrowedFd<'_>, size: u64, reader: &mut Reader<impl Input>) -> Outcome<[u8; 16]> {
    let mut left = size;
    let mut hash: Option<Xxh3> = None;
    let mut checksum = None;
    reader.read_data(|piece| {
        left -= piece.len() as u64;
        // Most files come whole: no need for a state of half a kilobyte.
        match &mut hash {
            None if left == 0 => checksum = Some(xxh3_128(piece)),
            None => hash.insert(Xxh3::new()).update(piece),
            Some(hash) => hash.update(piece),
        }
        path::write_all(file, piece).map_err(Problem::system("writing a file"))
    })?;
    let value = checksum.unwrap_or_else(|| hash.map_or_else(|| xxh3_128(b""), |hash| hash.digest128()));
    Ok(value.to_be_bytes())
}

/// Writes the segments, leaves the rest holes. The checksum is that of the content as read, zeros for the holes; none
/// where these are too many.
fn write_sparse(
    file: BorrowedFd<'_>,
    (segments, size, hashed): (&[Segment], u64, bool),
    reader: &mut Reader<impl Input>,
) -> Outcome<Option<[u8; 16]>> {
    let mut parts = segments.iter().filter(|part| part.length > 0).copied();
    let mut part = parts.next();
    let mut hash = hashed.then(Xxh3::new);
    let mut position = 0;
    reader.read_data(|mut piece| {
        while let Some(now) = part.as_mut().filter(|_| !piece.is_empty()) {
            let count = piece.len().min(usize::try_from(now.length).unwrap_or(usize::MAX));
            let (data, rest) = piece.split_at(count);
            if let Some(hash) = &mut hash {
                hash_zeros(hash, now.offset - position);
                hash.update(data);
            }
            path::write_at(file, data, now.offset).map_err(Problem::system("writing a file"))?;
            (now.offset, now.length) = (now.offset + count as u64, now.length - count as u64);
            position = now.offset;
            if now.length == 0 {
                part = parts.next();
            }
            piece = rest;
        }
        Ok(())
    })?;
    path::set_length(file, size).map_err(Problem::system("setting a file's length"))?;
    Ok(hash.map(|mut hash| {
        hash_zeros(&mut hash, size - position);
        hash.digest128().to_be_bytes()
    }))
}

fn hash_zeros(hash: &mut Xxh3, mut count: u64) {
    while count > 0 {
        let now = usize::try_from(count).unwrap_or(usize::MAX).min(ZEROS.len());
        hash.update(&ZEROS[..now]);
        count -= now as u64;
    }
}
