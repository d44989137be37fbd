//! Where entries go: one directory, and those below it by their clean paths. No link in them is followed, except in a
//! container's own root if that is wanted: there a link leads to nothing else than the container has.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use bunker_sys::path::{self, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS};
use bunker_sys::{SysError, SysResult};

use super::super::Destination;
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::layer::problem::{Outcome, Problem};

const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const ENOTDIR: i32 = 20;
const ELOOP: i32 = 40;
/// Of directories that the archive only implies.
const IMPLIED_MODE: u32 = 0o755;

pub(super) struct Place<'a> {
    base: Rc<OwnedFd>,
    /// A container's root, and the path of `base` in it.
    root: Option<(BorrowedFd<'a>, &'a [u8])>,
    /// The directory asked for last: entries come directory by directory.
    last: Option<(Vec<u8>, Rc<OwnedFd>)>,
}

impl<'a> Place<'a> {
    pub(super) fn new(destination: Destination, root: Option<(BorrowedFd<'a>, &'a [u8])>) -> Result<Self, Failure> {
        let base = match destination {
            Destination::Directory(directory) | Destination::Entry { parent: directory, .. } => Rc::new(directory),
            Destination::NoParent => return Err(Failure::new(FailureCode::BadPath, "there is no such directory")),
        };
        Ok(Self { base, root, last: None })
    }

    /// The directory at a clean path, made with its parents where missing.
    pub(super) fn directory(&mut self, relative: &[u8]) -> Outcome<Rc<OwnedFd>> {
        if relative.is_empty() {
            return Ok(Rc::clone(&self.base));
        }
        if let Some((path, directory)) = &self.last
            && path == relative
        {
            return Ok(Rc::clone(directory));
        }
        let found = Rc::new(self.open(relative).map_err(Problem::system("opening a directory"))?);
        self.last = Some((relative.to_vec(), Rc::clone(&found)));
        Ok(found)
    }

    /// A directory was removed.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    fn open(&self, relative: &[u8]) -> SysResult<OwnedFd> {
        let flags = O_RDONLY | O_DIRECTORY;
        let within = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
        match path::open_at2(self.base.as_fd(), relative, flags, within) {
            Err(error) if error.errno == ENOENT => self.make(relative),
            Err(error) if matches!(error.errno, ELOOP | ENOTDIR) => self.follow(relative, error),
            other => other,
        }
    }

    /// Step by step; a link on the way ends it.
    fn make(&self, relative: &[u8]) -> SysResult<OwnedFd> {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
        let mut here = path::open_at(self.base.as_fd(), b".", flags, 0)?;
        for name in relative.split(|byte| *byte == b'/') {
            match path::make_directory_at(here.as_fd(), name, IMPLIED_MODE) {
                Err(error) if error.errno != EEXIST => return Err(error),
                _ => {}
            }
            here = match path::open_at(here.as_fd(), name, flags, 0) {
                Err(error) if matches!(error.errno, ELOOP | ENOTDIR) => return self.follow(relative, error),
                other => other?,
            };
        }
        Ok(here)
    }

    fn follow(&self, relative: &[u8], refused: SysError) -> SysResult<OwnedFd> {
        let Some((root, base)) = self.root else { return Err(refused) };
        let whole = [base, b"/", relative].concat();
        let found = inroot::make_directories(root, &whole, IMPLIED_MODE)?;
        path::open_at(found.as_fd(), b".", O_RDONLY | O_DIRECTORY, 0)
    }
}
