//! Extracting over what is there: files are replaced, directories that exist stay as they are, and neither takes the other's
//! place unless that is wanted. Each file is whole before it has its name, so that nobody sees half of it.

mod aside;
mod place;
mod write;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{self, FileTime};
use serde::Serialize;

use super::stream::Received;
use super::{Destination, failure};
use crate::failure::{Failure, FailureCode};
use crate::layer::problem::{Outcome, Problem, archive, shown};
use crate::layer::tar::{Entry, EntryKind, Reader};
use crate::layer::{Owners, name};
use aside::Aside;
use place::Place;

const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const PERMISSIONS: u32 = 0o777;
/// While we are in it; what it shall be comes last.
const OWN_MODE: u32 = 0o700;

/// Where the archive's entries go.
pub enum Placing<'a> {
    /// Into the directory, as they are called.
    Contents,
    /// The archive is one thing without a name: into the directory under this one.
    Named(&'a [u8]),
    /// The same, in place of the destination's own name.
    Replace,
}

/// One archive to extract.
pub struct Extract<'a> {
    pub input: OwnedFd,
    pub destination: Destination,
    pub placing: Placing<'a>,
    /// In which links in the names of entries are followed; `None`: they are not.
    pub root: Option<(BorrowedFd<'a>, &'a [u8])>,
    /// Files become whose they are in the archive; else they are ours, and nothing is setuid.
    pub keep_owners: bool,
    /// A directory may take the place of a file, and a file that of a directory with all that is in it.
    pub overwrite: bool,
    pub owners: &'a Owners,
    /// The container's ids are others than those that we see: `owners` says which.
    pub translate: bool,
}

/// What became of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Extracted {
    pub entries: u64,
    /// Of files.
    pub bytes: u64,
    /// Devices.
    pub left_out: u64,
}

/// Extracts everything.
///
/// # Errors
/// `BadArchive` for a broken archive, `BadPath` where a file and a directory would have to change places, `NoSpace`, `System`.
/// What was extracted before stays.
pub fn extract(job: Extract<'_>) -> Result<Extracted, Failure> {
    let mut entry = Entry::default();
    let mut extractor = Extractor {
        top: match (&job.placing, &job.destination) {
            (Placing::Named(name), _) => name.to_vec(),
            (Placing::Replace, Destination::Entry { name, .. }) => name.clone(),
            _ => Vec::new(),
        },
        place: Place::new(job.destination, job.root)?,
        aside: Aside::new(),
        keep_owners: job.keep_owners && !job.owners.is_single(),
        keep_attributes: job.keep_owners,
        overwrite: job.overwrite,
        owners: job.owners,
        translate: job.translate,
        directories: Vec::new(),
        counts: Extracted::default(),
        refused: None,
    };
    let result = Received::open(job.input).and_then(|input| extractor.run(&mut Reader::new(input), &mut entry));
    match (result, extractor.refused) {
        (Ok(()), _) => Ok(extractor.counts),
        (_, Some(refused)) => Err(Failure::new(FailureCode::BadPath, refused)),
        (Err(problem), None) => Err(failure(problem, &entry.path)),
    }
}

/// What a directory we have made shall be when all is in it.
struct MadeDirectory {
    path: Vec<u8>,
    mode: u32,
    owner: Option<(u32, u32)>,
    modified: FileTime,
}

struct Extractor<'a> {
    top: Vec<u8>,
    place: Place<'a>,
    aside: Aside,
    keep_owners: bool,
    keep_attributes: bool,
    overwrite: bool,
    owners: &'a Owners,
    translate: bool,
    directories: Vec<MadeDirectory>,
    counts: Extracted,
    /// Why what is there and the archive do not fit, in docker's words.
    refused: Option<String>,
}

impl Extractor<'_> {
    fn run(&mut self, reader: &mut Reader<Received>, entry: &mut Entry) -> Outcome<()> {
        let mut relative = Vec::new();
        while reader.next(entry)? {
            self.counts.entries += 1;
            name::clean(&entry.path, &mut relative)?;
            let target = self.placed(&relative);
            self.put(&target, entry, reader)?;
        }
        reader.finish()?;
        entry.path.clear();
        self.finish_directories()
    }

    /// Where an entry goes, below the directory.
    fn placed(&self, relative: &[u8]) -> Vec<u8> {
        match (self.top.is_empty(), relative.is_empty()) {
            (true, _) => relative.to_vec(),
            (_, true) => self.top.clone(),
            _ => [&self.top, b"/".as_slice(), relative].concat(),
        }
    }

    fn put(&mut self, target: &[u8], entry: &Entry, reader: &mut Reader<Received>) -> Outcome<()> {
        if entry.kind == EntryKind::Device {
            self.counts.left_out += 1;
            return Ok(());
        }
        if target.is_empty() {
            // The directory itself, which is there.
            return if entry.kind == EntryKind::Directory { Ok(()) } else { self.refuse(target, false) };
        }
        let (parent, name) = name::split(target);
        let parent = self.place.directory(parent)?;
        let there = match path::status_at(parent.as_fd(), name) {
            Err(error) if error.errno == ENOENT => None,
            other => Some(other.map_err(Problem::system("asking what is there"))?),
        };
        let is_directory = there.is_some_and(|there| there.is_directory());
        if entry.kind == EntryKind::Directory && is_directory {
            return Ok(());
        }
        if there.is_some() && (is_directory || entry.kind == EntryKind::Directory) {
            if !self.overwrite {
                return self.refuse(target, entry.kind == EntryKind::Directory);
            }
            self.place.forget();
            crate::tree::remove(parent.as_fd(), name).map_err(Problem::system("removing what is there"))?;
        }
        if entry.kind == EntryKind::Directory {
            return self.make_directory(parent.as_fd(), target, entry);
        }
        let owner = self.owner(entry)?;
        if entry.kind == EntryKind::HardLink {
            let mut first = Vec::new();
            name::clean(&entry.target, &mut first)?;
            let first = self.placed(&first);
            if first.is_empty() {
                return archive("a hard link to a directory");
            }
            let (place, first_name) = name::split(&first);
            let place = self.place.directory(place)?;
            return write::hard_link((place.as_fd(), first_name), (parent.as_fd(), name));
        }
        self.counts.bytes += entry.size;
        let dress = write::Dress { owner, mode: self.mode(entry), attributes: self.keep_attributes };
        write::replace((parent.as_fd(), name), entry, (&dress, &mut self.aside, reader))
    }

    fn make_directory(&mut self, parent: BorrowedFd<'_>, target: &[u8], entry: &Entry) -> Outcome<()> {
        let (_, name) = name::split(target);
        match path::make_directory_at(parent, name, OWN_MODE) {
            // Somebody else has just made it: then it is his.
            Err(error) if error.errno == EEXIST => return Ok(()),
            other => other.map_err(Problem::system("making a directory"))?,
        }
        if self.keep_attributes {
            let made = self.place.directory(target)?;
            write::set_attributes(made.as_fd(), entry)?;
        }
        let (mode, modified) = (self.mode(entry), entry.modified);
        let made = MadeDirectory { path: target.to_vec(), mode, owner: self.owner(entry)?, modified };
        self.directories.push(made);
        Ok(())
    }

    /// The innermost first: making and removing in a directory changes its time.
    fn finish_directories(&mut self) -> Outcome<()> {
        while let Some(made) = self.directories.pop() {
            let directory = self.place.directory(&made.path)?;
            let failed = || Problem::system("finishing a directory");
            if let Some(owner) = made.owner {
                path::change_owner(directory.as_fd(), owner).map_err(failed())?;
            }
            path::change_mode(directory.as_fd(), made.mode).map_err(failed())?;
            path::set_time(directory.as_fd(), made.modified).map_err(failed())?;
        }
        Ok(())
    }

    fn owner(&self, entry: &Entry) -> Outcome<Option<(u32, u32)>> {
        if !self.keep_owners {
            return Ok(None);
        }
        self.owners.check(entry.uid, entry.gid)?;
        let named = (entry.uid, entry.gid);
        Ok(Some(if self.translate { self.owners.outside(named) } else { named }))
    }

    /// What runs as another is nothing to get from a container without asking for it.
    fn mode(&self, entry: &Entry) -> u32 {
        if self.keep_attributes { entry.mode } else { entry.mode & PERMISSIONS }
    }

    fn refuse<T>(&mut self, target: &[u8], directory: bool) -> Outcome<T> {
        let name = shown(if target.is_empty() { b"." } else { target });
        self.refused = Some(if directory {
            format!("cannot overwrite non-directory \"{name}\" with directory")
        } else {
            format!("cannot overwrite directory \"{name}\" with non-directory")
        });
        archive("what is there does not fit")
    }
}
