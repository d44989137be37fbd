//! What is at a path, held by descriptor: the source of a copy, or the place for one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{self, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY, Status};
use bunker_sys::{SysError, SysResult};

use super::is_kernels;
use crate::failure::{Failure, FailureCode};
use crate::inroot;

const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;
const ELOOP: i32 = 40;
/// The kernel's own limit of links on one path (path_resolution(7)).
const LINKS: u32 = 40;

/// What is to be copied.
pub enum Source {
    /// Open for reading.
    Directory(OwnedFd),
    File(OwnedFd),
    Link {
        target: Vec<u8>,
        status: Status,
    },
    Fifo(Status),
    /// A device or a socket, which nobody else could use.
    Other,
}

/// Where a copy goes.
pub enum Destination {
    /// A directory that is there.
    Directory(OwnedFd),
    /// `name` in a directory that is there; never a directory itself, nor a link.
    Entry { parent: OwnedFd, name: Vec<u8>, exists: bool },
    /// Not even the directory is there that it would be in.
    NoParent,
}

/// What is at `path` in `root`; a link there is followed only if asked. `None`: nothing.
///
/// # Errors
/// `BadPath` for what the kernel shows there, and the system calls' own.
pub fn find_source(root: BorrowedFd<'_>, path: &[u8], follow: bool) -> Result<Option<Source>, Failure> {
    let last = if follow { 0 } else { O_NOFOLLOW };
    let found = match inroot::open(root, path, O_PATH | last) {
        Err(error) if matches!(error.errno, ENOENT | ENOTDIR) => return Ok(None),
        other => other.map_err(|error| refused(path, &error))?,
    };
    let status = path::status(found.as_fd())?;
    refuse_kernels(found.as_fd(), path)?;
    let reading = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;
    Ok(Some(match status.kind() {
        path::S_IFDIR => Source::Directory(path::open_at(found.as_fd(), b".", reading | O_DIRECTORY, 0)?),
        path::S_IFREG => {
            // By its path again: without /proc a descriptor of this kind cannot be opened anew. So it may be another file now.
            let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | last;
            let file = inroot::open(root, path, flags).map_err(|error| refused(path, &error))?;
            if path::status(file.as_fd())?.is_regular() { Source::File(file) } else { Source::Other }
        }
        path::S_IFLNK => Source::Link { target: path::read_link_at(found.as_fd(), b"")?, status },
        path::S_IFIFO => Source::Fifo(status),
        _ => Source::Other,
    }))
}

/// Where something called `path` in `root` would be put. Links are followed, also one that leads nowhere: what it names is the
/// place, as docker has it.
///
/// # Errors
/// `BadPath` for places the kernel has made, and the system calls' own.
pub fn find_destination(root: BorrowedFd<'_>, path: &[u8]) -> Result<Destination, Failure> {
    let mut wanted = path.to_vec();
    for _ in 0..LINKS {
        let Ok((parent, name)) = inroot::parent_and_name(&wanted) else {
            // The root, or a link's target that ends in dots.
            return directory(root, &wanted);
        };
        let within = if parent.is_empty() { b".".as_slice() } else { parent };
        let parent_fd = match inroot::open(root, within, O_RDONLY | O_DIRECTORY) {
            Err(error) if matches!(error.errno, ENOENT | ENOTDIR) => return Ok(Destination::NoParent),
            other => other.map_err(|error| refused(path, &error))?,
        };
        refuse_kernels(parent_fd.as_fd(), path)?;
        let exists = match path::status_at(parent_fd.as_fd(), name) {
            Err(error) if error.errno == ENOENT => false,
            Err(error) => return Err(refused(path, &error)),
            Ok(status) if status.is_directory() => return directory(root, &wanted),
            Ok(status) if status.is_symlink() => {
                let target = path::read_link_at(parent_fd.as_fd(), name)?;
                wanted = if target.starts_with(b"/") { target } else { [parent, b"/", &target].concat() };
                continue;
            }
            Ok(_) => true,
        };
        return Ok(Destination::Entry { parent: parent_fd, name: name.to_vec(), exists });
    }
    Err(refused(path, &SysError::new("following links", ELOOP)))
}

fn directory(root: BorrowedFd<'_>, path: &[u8]) -> Result<Destination, Failure> {
    let way = if path.is_empty() { b".".as_slice() } else { path };
    match inroot::open(root, way, O_RDONLY | O_DIRECTORY) {
        Err(error) if matches!(error.errno, ENOENT | ENOTDIR) => Ok(Destination::NoParent),
        Err(error) => Err(refused(path, &error)),
        Ok(found) => {
            refuse_kernels(found.as_fd(), path)?;
            Ok(Destination::Directory(found))
        }
    }
}

fn refuse_kernels(file: BorrowedFd<'_>, path: &[u8]) -> Result<(), Failure> {
    // What cannot be asked (a link) is no file system of its own.
    if asked(is_kernels(file))? {
        let message = format!("\"{}\" is in a file system of the kernel's: nothing can be copied there", shown(path));
        return Err(Failure::new(FailureCode::BadPath, message));
    }
    Ok(())
}

fn asked(answer: SysResult<bool>) -> Result<bool, Failure> {
    const ENOSYS: i32 = 38;
    match answer {
        Err(error) if error.errno == ENOSYS => Ok(false),
        other => Ok(other?),
    }
}

fn shown(path: &[u8]) -> String {
    path.escape_ascii().to_string()
}

fn refused(path: &[u8], error: &SysError) -> Failure {
    Failure::system(FailureCode::BadPath, &format!("looking up \"{}\"", shown(path)), error)
}
