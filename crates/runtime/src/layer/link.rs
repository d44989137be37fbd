//! Hard links into lower layers: what `unpack` left pending is *copied* from the merged view of the parents (shared blocks
//! where the file system can). A shared inode would let one layer's change of mode show in another.

mod copy;

use super::manifest::{self, Line, LineKind, Writer};
use super::merged::{Found, Merged};
use super::problem::{Outcome, Problem, archive, limit, shown};
use super::{limits, name, short};
use crate::failure::Failure;
use crate::inroot;
use bunker_sys::path::{self, FileTime, O_DIRECTORY, O_PATH, O_RDONLY};
use bunker_sys::{SysResult, credential};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A layer whose links are to be made.
pub struct Link<'a> {
    /// For messages: the layer's digest.
    pub layer: &'a str,
    pub root: BorrowedFd<'a>,
    /// Open for reading and writing; it is rewritten in place, for it lies in staging.
    pub manifest: OwnedFd,
    /// Roots of the layers below, the topmost first (fix layers among them).
    pub parents: &'a [BorrowedFd<'a>],
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Linked {
    pub links: u64,
    /// Copied from below.
    pub bytes: u64,
}

/// Makes the pending links and puts what they became into the manifest. Sets the umask of the process to 0.
///
/// # Errors
/// `BadArchive` when a target is not there or is a directory, else as `unpack`.
pub fn link(job: Link<'_>) -> Result<Linked, Failure> {
    credential::set_umask(0);
    let layer = short(job.layer);
    let mut entry = Vec::new();
    make_links(job, &mut entry).map_err(|problem| {
        let entry = Some(entry.as_slice()).filter(|entry| !entry.is_empty());
        problem.into_failure(&layer, entry)
    })
}

fn make_links(job: Link<'_>, entry: &mut Vec<u8>) -> Outcome<Linked> {
    let text = read_manifest(job.manifest.as_fd())?;
    let mut lines = parse(&text)?;
    let mut linker = Linker {
        root: job.root,
        merged: Merged::new(job.parents)?,
        copies: HashMap::new(),
        times: HashMap::new(),
        done: Linked::default(),
    };
    for line in lines.iter_mut().filter(|line| line.kind == LineKind::Pending) {
        entry.clear();
        entry.extend_from_slice(&line.path);
        linker.make(line)?;
    }
    entry.clear();
    linker.restore_times()?;
    path::set_length(job.manifest.as_fd(), 0).map_err(Problem::system("rewriting the manifest"))?;
    let mut writer = Writer::new(job.manifest);
    lines.iter().try_for_each(|line| writer.write(line))?;
    writer.flush()?;
    Ok(linker.done)
}

struct Linker<'a> {
    root: BorrowedFd<'a>,
    merged: Merged<'a>,
    /// What was copied already, by (device, inode) below: its path here. Links to one file become links to one copy.
    copies: HashMap<(u64, u64), Vec<u8>>,
    /// Directories that got a new name in them, and the time they had.
    times: HashMap<Vec<u8>, FileTime>,
    done: Linked,
}

impl Linker<'_> {
    fn make(&mut self, line: &mut Line<'_>) -> Outcome<()> {
        let Some(found) = self.merged.find(&line.target)? else {
            return archive(format!("hard link to \"{}\", which is no file in the layers below", shown(&line.target)));
        };
        let path = line.path.to_vec();
        let (parent, last) = name::split(&path);
        let place = self.open_parent(parent)?;
        self.done.links += 1;
        let original = (found.status.device, found.status.inode);
        if let Some(first) = self.copies.get(&original) {
            let (first_parent, first_name) = name::split(first);
            let from = open_inside(self.root, first_parent)?;
            path::make_hard_link_at((from.as_fd(), first_name), (place.as_fd(), last)).map_err(failed)?;
            (line.kind, line.target) = (LineKind::HardLink, Cow::Owned(first.clone()));
        } else {
            line.kind = self.copy(&found, (place.as_fd(), last), line)?;
            self.copies.insert(original, path.clone());
        }
        let status = &found.status;
        (line.mode, line.uid, line.gid) = (status.permissions(), status.uid, status.gid);
        (line.size, line.modified) = (status.size, status.modified);
        Ok(())
    }

    fn copy(&mut self, found: &Found, to: (BorrowedFd<'_>, &[u8]), line: &mut Line<'_>) -> Outcome<LineKind> {
        line.target = Cow::default();
        match found.status.kind() {
            path::S_IFREG => {
                line.checksum = copy::file(found, to)?;
                self.done.bytes += found.status.size;
                Ok(LineKind::File)
            }
            path::S_IFLNK => {
                line.target = Cow::Owned(copy::symlink(found, to)?);
                Ok(LineKind::Symlink)
            }
            path::S_IFIFO => copy::fifo(found, to).map(|()| LineKind::Fifo),
            _ => archive("hard link to something that is neither a file nor a link nor a FIFO"),
        }
    }

    fn open_parent(&mut self, parent: &[u8]) -> Outcome<OwnedFd> {
        let directory = open_inside(self.root, parent)?;
        if !self.times.contains_key(parent) {
            let status = path::status(directory.as_fd()).map_err(failed)?;
            self.times.insert(parent.to_vec(), status.modified);
        }
        Ok(directory)
    }

    fn restore_times(&self) -> Outcome<()> {
        for (directory, time) in &self.times {
            let directory = inroot::open(self.root, here(directory), O_RDONLY | O_DIRECTORY).map_err(failed)?;
            path::set_time(directory.as_fd(), *time).map_err(failed)?;
        }
        Ok(())
    }
}

fn open_inside(root: BorrowedFd<'_>, directory: &[u8]) -> Outcome<OwnedFd> {
    inroot::open(root, here(directory), O_PATH | O_DIRECTORY).map_err(failed)
}

fn here(path: &[u8]) -> &[u8] {
    if path.is_empty() { b"." } else { path }
}

fn failed(error: bunker_sys::SysError) -> Problem {
    Problem::system("making a hard link into lower layers")(error)
}

/// The whole manifest.
pub(super) fn read_manifest(file: BorrowedFd<'_>) -> Outcome<Vec<u8>> {
    let read = || -> SysResult<Option<Vec<u8>>> {
        let size = path::status(file)?.size;
        if size > limits::MANIFEST_BYTES {
            return Ok(None);
        }
        let mut text = vec![0; usize::try_from(size).unwrap_or(0)];
        let mut done = 0;
        while done < text.len() {
            match path::read_at(file, &mut text[done..], done as u64)? {
                0 => break,
                count => done += count,
            }
        }
        text.truncate(done);
        Ok(Some(text))
    };
    match read().map_err(Problem::system("reading the manifest"))? {
        Some(text) => Ok(text),
        None => limit("the manifest is too large"),
    }
}

pub(super) fn parse(text: &[u8]) -> Outcome<Vec<Line<'_>>> {
    let lines = manifest::lines(text).collect::<Result<_, _>>();
    lines.or_else(|number| archive(format!("line {number} of the manifest is damaged")))
}

#[cfg(test)]
#[path = "link/link_test.rs"]
mod tests;
