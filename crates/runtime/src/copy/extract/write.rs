//! One entry, put in the place of what has its name.

use std::os::fd::{AsFd, BorrowedFd};

use bunker_sys::path::{self, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFIFO};
use bunker_sys::{SysResult, xattr};

use super::super::stream::Received;
use super::aside::{Aside, Name};
use crate::layer::attributes;
use crate::layer::problem::{Outcome, Problem};
use crate::layer::tar::{Entry, EntryKind, Reader, Segment};

const ENOENT: i32 = 2;
const EPERM: i32 = 1;
const EEXIST: i32 = 17;
const ENOTSUP: i32 = 95;
const OWN_MODE: u32 = 0o600;
/// Somebody may make the same name again and again.
const TRIES: u32 = 128;
/// Holes are left where as much at once is zero; a multiple of every block size.
const HOLE: usize = 64 * 1024;
static ZEROS: [u8; HOLE] = [0; HOLE];

/// What an entry gets besides its content.
pub(super) struct Dress {
    /// `None`: ours.
    pub(super) owner: Option<(u32, u32)>,
    pub(super) mode: u32,
    pub(super) attributes: bool,
}

/// Makes a file, link or FIFO and puts it in the place of whatever (but a directory) has that name.
pub(super) fn replace(
    to: Name<'_>,
    entry: &Entry,
    (dress, aside, reader): (&Dress, &mut Aside, &mut Reader<Received>),
) -> Outcome<()> {
    match entry.kind {
        EntryKind::Symlink => {
            clear_and_make(to, || path::make_symlink_at(&entry.target, to.0, to.1))?;
            finish_special(to, entry, dress)
        }
        EntryKind::Fifo => {
            clear_and_make(to, || path::make_node_at(to.0, to.1, S_IFIFO | OWN_MODE))?;
            finish_special(to, entry, dress)
        }
        _ => {
            let finish = |file: BorrowedFd<'_>| finish_file(file, entry, dress);
            aside.replace(to, |file| write_content(file, entry, reader), &finish)
        }
    }
}

/// One more name for a file that was extracted before.
pub(super) fn hard_link(from: Name<'_>, to: Name<'_>) -> Outcome<()> {
    let identity = |name: Name<'_>| path::status_at(name.0, name.1).ok().map(|found| (found.device, found.inode));
    if identity(from).is_some() && identity(from) == identity(to) {
        return Ok(());
    }
    clear_and_make(to, || path::make_hard_link_at(from, to))
}

/// What has no content is whole at once, and needs no place aside.
fn clear_and_make(to: Name<'_>, make: impl Fn() -> SysResult<()>) -> Outcome<()> {
    let mut tried = 0;
    loop {
        match make() {
            Err(error) if error.errno == EEXIST && tried < TRIES => tried += 1,
            other => return other.map_err(Problem::system("making a file")),
        }
        match path::remove_file_at(to.0, to.1) {
            Err(error) if error.errno != ENOENT => return Err(Problem::system("removing what is there")(error)),
            _ => {}
        }
    }
}

/// Links and FIFOs.
fn finish_special(made: Name<'_>, entry: &Entry, dress: &Dress) -> Outcome<()> {
    let failed = || Problem::system("finishing a file");
    if let Some(owner) = dress.owner {
        path::change_owner_at(made.0, made.1, owner).map_err(failed())?;
    }
    if entry.kind == EntryKind::Fifo {
        let fifo = path::open_at(made.0, made.1, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0).map_err(failed())?;
        path::change_mode(fifo.as_fd(), dress.mode).map_err(failed())?;
    }
    path::set_time_at(made.0, made.1, entry.modified).map_err(failed())
}

/// After the content: what the kernel takes away when that or the owner changes.
fn finish_file(file: BorrowedFd<'_>, entry: &Entry, dress: &Dress) -> Outcome<()> {
    let failed = || Problem::system("finishing a file");
    if let Some(owner) = dress.owner {
        path::change_owner(file, owner).map_err(failed())?;
    }
    path::change_mode(file, dress.mode).map_err(failed())?;
    if dress.attributes {
        set_attributes(file, entry)?;
    }
    path::set_time(file, entry.modified).map_err(failed())
}

/// The data where they belong, holes where there are none, and where there are zeros.
fn write_content(file: BorrowedFd<'_>, entry: &Entry, reader: &mut Reader<Received>) -> Outcome<()> {
    let whole = [Segment { offset: 0, length: entry.size }];
    let segments = entry.sparse.as_deref().unwrap_or(&whole);
    let mut parts = segments.iter().filter(|part| part.length > 0).copied();
    let mut part = parts.next();
    reader.read_data(|mut piece| {
        while let Some(now) = part.as_mut().filter(|_| !piece.is_empty()) {
            let count = piece.len().min(usize::try_from(now.length).unwrap_or(usize::MAX));
            let (data, rest) = piece.split_at(count);
            write_data(file, data, now.offset)?;
            (now.offset, now.length) = (now.offset + count as u64, now.length - count as u64);
            if now.length == 0 {
                part = parts.next();
            }
            piece = rest;
        }
        Ok(())
    })?;
    path::set_length(file, entry.size).map_err(Problem::system("setting a file's length"))
}

fn write_data(file: BorrowedFd<'_>, data: &[u8], offset: u64) -> Outcome<()> {
    let mut at = offset;
    for block in data.chunks(HOLE) {
        if block.len() < HOLE || block != ZEROS {
            path::write_at(file, block, at).map_err(Problem::system("writing a file"))?;
        }
        at += block.len() as u64;
    }
    Ok(())
}

/// A file system without any is no reason to fail.
pub(super) fn set_attributes(file: BorrowedFd<'_>, entry: &Entry) -> Outcome<()> {
    for (name, value) in &entry.attributes {
        let Some(value) = attributes::kept(name, value) else { continue };
        match xattr::set(file, name, &value) {
            Err(error) if !matches!(error.errno, EPERM | ENOTSUP) => {
                return Err(Problem::system("setting an extended attribute")(error));
            }
            _ => {}
        }
    }
    Ok(())
}
