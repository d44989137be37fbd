//! Packing: a source becomes an archive in which it is called `name`. The order is that of the names, so that the same tree
//! gives the same archive.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{self, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, Status};
use bunker_sys::{SysError, SysResult, xattr};
use serde::Serialize;

use super::stream::Sent;
use super::{Source, failure, is_kernels};
use crate::failure::Failure;
use crate::layer::problem::{Outcome, Problem, limit};
use crate::layer::tar::{Entry, EntryKind, Writer};
use crate::layer::{Owners, attributes};
use crate::tree;

const ENOENT: i32 = 2;
const ENXIO: i32 = 6;
const ELOOP: i32 = 40;
const ENOTDIR: i32 = 20;
const BUFFER: usize = 128 * 1024;
/// Each level holds a descriptor.
const DEPTH: usize = 1000;
/// Names of files that have several, kept until their end.
const LINKED: usize = 1_000_000;
static ZEROS: [u8; 4096] = [0; 4096];

/// One source to pack.
pub struct Pack<'a> {
    pub source: &'a Source,
    /// What it is called in the archive; empty: a directory is `.`, and what is in it has no prefix.
    pub name: &'a [u8],
    /// Everything is root's in the archive, whoever's it is here.
    pub as_root: bool,
    /// What the container calls the ids that we see; `None`: the same.
    pub ids: Option<&'a Owners>,
    pub output: Sent,
}

/// What became of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Packed {
    /// Of the archive.
    pub bytes: u64,
    pub entries: u64,
    /// Devices, sockets and what the kernel shows: nobody else could use them.
    pub left_out: u64,
}

/// Writes the archive and its end.
///
/// # Errors
/// `System` for the first thing that cannot be read; the archive has no end then.
pub fn pack(job: Pack<'_>) -> Result<Packed, Failure> {
    let mut packer = Packer {
        writer: Writer::new(job.output),
        as_root: job.as_root,
        ids: job.ids,
        linked: HashMap::new(),
        packed: Packed::default(),
        at: job.name.to_vec(),
        buffer: vec![0; BUFFER],
    };
    let done = packer.top(job.source);
    let (at, mut packed) = (packer.at, packer.packed);
    let finished = done.and_then(|()| packer.writer.finish()).and_then(|mut sent| sent.flush().map(|()| sent.bytes));
    packed.bytes = finished.map_err(|problem| failure(problem, &at))?;
    Ok(packed)
}

struct Packer<'a> {
    writer: Writer<Sent>,
    as_root: bool,
    ids: Option<&'a Owners>,
    /// Device and inode → the name under which it is in the archive.
    linked: HashMap<(u64, u64), Vec<u8>>,
    packed: Packed,
    /// The entry we are at.
    at: Vec<u8>,
    buffer: Vec<u8>,
}

impl Packer<'_> {
    fn top(&mut self, source: &Source) -> Outcome<()> {
        match source {
            Source::Directory(directory) => self.directory(directory, 0),
            Source::File(file) => self.file(file.as_fd()),
            Source::Link { target, status } => self.link(target.clone(), status),
            Source::Fifo(status) => self.special(EntryKind::Fifo, status),
            Source::Other => {
                self.packed.left_out += 1;
                Ok(())
            }
        }
    }

    fn directory(&mut self, directory: &OwnedFd, depth: usize) -> Outcome<()> {
        if depth > DEPTH {
            return limit(format!("directories are nested more than {DEPTH} deep"));
        }
        let status = path::status(directory.as_fd()).map_err(Problem::system("asking about a directory"))?;
        let mut entry = self.entry(EntryKind::Directory, &status);
        if entry.path.is_empty() {
            entry.path = b".".to_vec();
        }
        entry.attributes = attributes_of(directory.as_fd())?;
        self.begin(&entry)?;
        let mut names = tree::names(directory.as_fd()).map_err(Problem::system("listing a directory"))?;
        names.sort_unstable();
        let length = self.at.len();
        for name in names {
            if length > 0 {
                self.at.push(b'/');
            }
            self.at.extend_from_slice(&name);
            self.child(directory.as_fd(), &name, depth)?;
            self.at.truncate(length);
        }
        Ok(())
    }

    fn child(&mut self, parent: BorrowedFd<'_>, name: &[u8], depth: usize) -> Outcome<()> {
        let Some(status) =
            unless_gone(path::status_at(parent, name)).map_err(Problem::system("asking about a file"))?
        else {
            return Ok(());
        };
        match status.kind() {
            path::S_IFDIR => {
                let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
                let opened = unless_gone(path::open_at(parent, name, flags, 0));
                let Some(directory) = opened.map_err(Problem::system("opening a directory"))? else { return Ok(()) };
                if is_kernels(directory.as_fd()).map_err(Problem::system("asking about a file system"))? {
                    self.packed.left_out += 1;
                    return Ok(());
                }
                self.directory(&directory, depth + 1)
            }
            path::S_IFREG => {
                let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
                let opened = unless_gone(path::open_at(parent, name, flags, 0));
                let Some(file) = opened.map_err(Problem::system("opening a file"))? else { return Ok(()) };
                self.file(file.as_fd())
            }
            path::S_IFLNK => match unless_gone(path::read_link_at(parent, name)) {
                Ok(None) => Ok(()),
                target => {
                    let target = target.map_err(Problem::system("reading a link"))?.unwrap_or_default();
                    self.link(target, &status)
                }
            },
            path::S_IFIFO => self.special(EntryKind::Fifo, &status),
            _ => {
                self.packed.left_out += 1;
                Ok(())
            }
        }
    }

    fn file(&mut self, file: BorrowedFd<'_>) -> Outcome<()> {
        let status = path::status(file).map_err(Problem::system("asking about a file"))?;
        // It was one when we looked.
        if !status.is_regular() || is_kernels(file).map_err(Problem::system("asking about a file system"))? {
            self.packed.left_out += 1;
            return Ok(());
        }
        let mut entry = self.entry(EntryKind::File, &status);
        if status.links > 1 {
            if let Some(first) = self.linked.get(&(status.device, status.inode)) {
                entry.kind = EntryKind::HardLink;
                entry.target.clone_from(first);
                return self.begin(&entry);
            }
            if self.linked.len() < LINKED {
                self.linked.insert((status.device, status.inode), self.at.clone());
            }
        }
        entry.size = status.size;
        entry.attributes = attributes_of(file)?;
        self.begin(&entry)?;
        self.content(file, status.size)
    }

    /// Exactly as many bytes as were announced: one that has shrunk since goes on with zeros.
    fn content(&mut self, file: BorrowedFd<'_>, size: u64) -> Outcome<()> {
        let mut done = 0;
        while done < size {
            let room = usize::try_from(size - done).unwrap_or(BUFFER).min(BUFFER);
            let count =
                path::read_at(file, &mut self.buffer[..room], done).map_err(Problem::system("reading a file"))?;
            if count == 0 {
                break;
            }
            self.writer.data(&self.buffer[..count])?;
            done += count as u64;
        }
        while done < size {
            let count = usize::try_from(size - done).unwrap_or(ZEROS.len()).min(ZEROS.len());
            self.writer.data(&ZEROS[..count])?;
            done += count as u64;
        }
        Ok(())
    }

    fn link(&mut self, target: Vec<u8>, status: &Status) -> Outcome<()> {
        let entry = Entry { target, ..self.entry(EntryKind::Symlink, status) };
        self.begin(&entry)
    }

    fn special(&mut self, kind: EntryKind, status: &Status) -> Outcome<()> {
        let entry = self.entry(kind, status);
        self.begin(&entry)
    }

    fn entry(&self, kind: EntryKind, status: &Status) -> Entry {
        let here = (status.uid, status.gid);
        let (uid, gid) = if self.as_root { (0, 0) } else { self.ids.map_or(here, |ids| ids.inside(here)) };
        let (path, mode, modified) = (self.at.clone(), status.permissions(), status.modified);
        Entry { kind, path, mode, uid, gid, modified, ..Entry::default() }
    }

    fn begin(&mut self, entry: &Entry) -> Outcome<()> {
        self.packed.entries += 1;
        self.writer.begin(entry)
    }
}

/// Those that mean the same elsewhere.
fn attributes_of(file: BorrowedFd<'_>) -> Outcome<Vec<(Vec<u8>, Vec<u8>)>> {
    let failed = || Problem::system("reading extended attributes");
    let mut found = Vec::new();
    for name in xattr::list(file).map_err(failed())? {
        let Some(value) = xattr::get(file, &name).map_err(failed())? else { continue };
        if let Some(kept) = attributes::kept(&name, &value) {
            found.push((name, kept.into_owned()));
        }
    }
    Ok(found)
}

/// Somebody else may remove and exchange what we have just seen.
fn unless_gone<T>(result: SysResult<T>) -> Result<Option<T>, SysError> {
    match result {
        Err(error) if matches!(error.errno, ENOENT | ENOTDIR | ELOOP | ENXIO) => Ok(None),
        other => other.map(Some),
    }
}
