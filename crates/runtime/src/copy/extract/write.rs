//! One entry, made under a name of its own and then renamed to what it is called.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{
    self, O_CREAT, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, S_IFIFO,
};
use bunker_sys::{SysResult, process, xattr};

use super::super::stream::Received;
use crate::layer::attributes;
use crate::layer::problem::{Outcome, Problem};
use crate::layer::tar::{Entry, EntryKind, Reader, Segment};

const ENOENT: i32 = 2;
const EPERM: i32 = 1;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const ENOTSUP: i32 = 95;
const OWN_MODE: u32 = 0o600;
/// Others may have made the same names.
const TRIES: u32 = 128;
/// Holes are left where as much at once is zero; a multiple of every block size.
const HOLE: usize = 64 * 1024;
static ZEROS: [u8; HOLE] = [0; HOLE];
const BUFFER: usize = 128 * 1024;

/// A name in an open directory.
type Name<'a> = (BorrowedFd<'a>, &'a [u8]);

/// What an entry gets besides its content.
pub(super) struct Dress {
    /// `None`: ours.
    pub(super) owner: Option<(u32, u32)>,
    pub(super) mode: u32,
    pub(super) attributes: bool,
}

/// Makes a file, link or FIFO and puts it in the place of whatever (but a directory) has that name. What is written to is what was
/// made, held by its descriptor: somebody inside may exchange the name meanwhile, for something whose opening would not end too.
pub(super) fn replace(to: Name<'_>, entry: &Entry, (dress, reader): (&Dress, &mut Reader<Received>)) -> Outcome<()> {
    let flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW;
    let (aside, file) = make_aside(|name| match entry.kind {
        EntryKind::Symlink => path::make_symlink_at(&entry.target, to.0, name).map(|()| None),
        EntryKind::Fifo => path::make_node_at(to.0, name, S_IFIFO | OWN_MODE).map(|()| None),
        _ => path::open_at(to.0, name, flags, OWN_MODE).map(Some),
    })?;
    let aside = (to.0, aside.as_slice());
    let made = match &file {
        Some(file) => finish_file(file.as_fd(), entry, (dress, reader)).and_then(|()| move_file(file, aside, to)),
        None => finish_special(aside, entry, dress)
            .and_then(|()| path::rename_at(aside, to).map_err(Problem::system("renaming a file"))),
    };
    if made.is_err() {
        let _ = path::remove_file_at(aside.0, aside.1);
    }
    made
}

/// One more name for a file that was extracted before.
pub(super) fn hard_link(from: Name<'_>, to: Name<'_>) -> Outcome<()> {
    let (aside, ()) = make_aside(|name| path::make_hard_link_at(from, (to.0, name)))?;
    let moved = path::rename_at((to.0, &aside), to).map_err(Problem::system("renaming a link"));
    // Of two names of one file the kernel leaves both where they are.
    match path::remove_file_at(to.0, &aside) {
        Err(error) if error.errno != ENOENT => moved.and(Err(Problem::system("removing a link")(error))),
        _ => moved,
    }
}

/// Under a name that nobody has; with what `make` gives.
fn make_aside<T>(make: impl Fn(&[u8]) -> SysResult<T>) -> Outcome<(Vec<u8>, T)> {
    let mut tried = 0;
    loop {
        let aside = format!(".bunker-cp-{}-{tried}", process::own_pid()).into_bytes();
        match make(&aside) {
            Ok(made) => return Ok((aside, made)),
            Err(error) if error.errno == EEXIST && tried < TRIES => tried += 1,
            Err(error) => return Err(Problem::system("making a file")(error)),
        }
    }
}

/// Links and FIFOs.
fn finish_special(aside: Name<'_>, entry: &Entry, dress: &Dress) -> Outcome<()> {
    let failed = || Problem::system("finishing a file");
    if let Some(owner) = dress.owner {
        path::change_owner_at(aside.0, aside.1, owner).map_err(failed())?;
    }
    if entry.kind == EntryKind::Fifo {
        let fifo = path::open_at(aside.0, aside.1, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0).map_err(failed())?;
        path::change_mode(fifo.as_fd(), dress.mode).map_err(failed())?;
    }
    path::set_time_at(aside.0, aside.1, entry.modified).map_err(failed())
}

/// Content, then what the kernel takes away when content or owner change.
fn finish_file(file: BorrowedFd<'_>, entry: &Entry, (dress, reader): (&Dress, &mut Reader<Received>)) -> Outcome<()> {
    let failed = || Problem::system("finishing a file");
    write_content(file, entry, reader)?;
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

/// Over a mount point (a file that was bound into the container) nothing can be renamed: its content changes then, as `>` would.
fn move_file(file: &OwnedFd, aside: Name<'_>, to: Name<'_>) -> Outcome<()> {
    match path::rename_at(aside, to) {
        Err(error) if error.errno == EBUSY => {
            let failed = || Problem::system("writing a file that is mounted");
            let flags = O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
            let target = path::open_at(to.0, to.1, flags, 0).map_err(failed())?;
            copy_bytes(file.as_fd(), target.as_fd()).map_err(failed())?;
            path::remove_file_at(aside.0, aside.1).map_err(failed())
        }
        other => other.map_err(Problem::system("renaming a file")),
    }
}

fn copy_bytes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> SysResult<()> {
    let mut buffer = vec![0; BUFFER];
    let mut done = 0;
    loop {
        let count = path::read_at(from, &mut buffer, done)?;
        if count == 0 {
            return Ok(());
        }
        path::write_at(to, &buffer[..count], done)?;
        done += count as u64;
    }
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
