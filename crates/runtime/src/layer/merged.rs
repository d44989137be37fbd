//! Several layers seen as one, as overlay would show them: by descriptor, component by component, links followed inside.
//! Reads only.

use super::limits;
use super::name::whiteout_file;
use super::problem::{Outcome, Problem, archive};
use bunker_sys::path::{self, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, Status};
use bunker_sys::{SysResult, xattr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const ENOENT: i32 = 2;
const OPAQUE_ATTRIBUTE: &[u8] = b"user.overlay.opaque";
const DIRECTORY: i32 = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/// Where something was found: in one layer's directory, under this name.
pub(crate) struct Found {
    pub(crate) directory: OwnedFd,
    pub(crate) name: Vec<u8>,
    pub(crate) status: Status,
}

/// A directory of the merged view: the directories that make it up, the topmost first.
pub(crate) type Parts = Vec<OwnedFd>;

/// What a name in a merged directory is.
pub(crate) enum Child {
    Missing,
    Directory(Parts),
    /// In the part of this number.
    Other(usize, Status),
}

pub(crate) struct Merged<'a> {
    /// The topmost first; none below an opaque one.
    roots: Vec<BorrowedFd<'a>>,
}

impl<'a> Merged<'a> {
    pub(crate) fn new(roots: &[BorrowedFd<'a>]) -> Outcome<Self> {
        let mut visible = Vec::new();
        for root in roots {
            visible.push(*root);
            if is_opaque(*root).map_err(failed)? {
                break;
            }
        }
        Ok(Self { roots: visible })
    }

    /// What is at a clean path, a link at its end not followed. `None`: nothing, or a directory.
    pub(crate) fn find(&self, path: &[u8]) -> Outcome<Option<Found>> {
        let mut ahead: Vec<Vec<u8>> = components(path);
        let mut place = self.root()?;
        let mut names: Vec<Vec<u8>> = Vec::new();
        let (mut links, mut steps) = (0, 0);
        while let Some(name) = ahead.pop() {
            steps += 1;
            if steps > limits::STEPS {
                return archive("the target's links lead through too many directories");
            }
            if name == b".." {
                names.pop();
                let Some(parts) = self.walk(&names)? else { return Ok(None) };
                place = parts;
                continue;
            }
            match child(&place, &name).map_err(failed)? {
                Child::Directory(parts) => {
                    names.push(name);
                    place = parts;
                }
                Child::Other(part, status) if ahead.is_empty() => {
                    return Ok(Some(Found { directory: place.swap_remove(part), name, status }));
                }
                Child::Other(part, status) if status.is_symlink() => {
                    links += 1;
                    if links > limits::LINKS_FOLLOWED {
                        return archive("too many links on the way to the target");
                    }
                    let target = path::read_link_at(place[part].as_fd(), &name).map_err(failed)?;
                    if target.first() == Some(&b'/') {
                        names.clear();
                        place = self.root()?;
                    }
                    ahead.extend(components(&target));
                }
                Child::Missing | Child::Other(..) => return Ok(None),
            }
        }
        Ok(None)
    }

    fn root(&self) -> Outcome<Parts> {
        let open = |root: &BorrowedFd<'_>| path::open_at(*root, b".", DIRECTORY, 0);
        self.roots.iter().map(open).collect::<SysResult<_>>().map_err(failed)
    }

    /// The directory at a path without links.
    fn walk(&self, names: &[Vec<u8>]) -> Outcome<Option<Parts>> {
        let mut place = self.root()?;
        for name in names {
            let Child::Directory(parts) = child(&place, name).map_err(failed)? else { return Ok(None) };
            place = parts;
        }
        Ok(Some(place))
    }
}

/// Looks a name up in a merged directory.
pub(crate) fn child(place: &Parts, name: &[u8]) -> SysResult<Child> {
    let mut parts = Parts::new();
    for (number, part) in place.iter().enumerate() {
        let status = match path::status_at(part.as_fd(), name) {
            Err(error) if error.errno == ENOENT => {
                if path::status_at(part.as_fd(), &whiteout_file(name)).is_ok() {
                    break;
                }
                continue;
            }
            other => other?,
        };
        if status.is_whiteout() {
            break;
        }
        if !status.is_directory() {
            if parts.is_empty() {
                return Ok(Child::Other(number, status));
            }
            // Below a directory, what is not one is hidden with all below it.
            break;
        }
        let directory = path::open_at(part.as_fd(), name, DIRECTORY, 0)?;
        let opaque = is_opaque(directory.as_fd())?;
        parts.push(directory);
        if opaque {
            break;
        }
    }
    Ok(if parts.is_empty() { Child::Missing } else { Child::Directory(parts) })
}

pub(crate) fn is_opaque(directory: BorrowedFd<'_>) -> SysResult<bool> {
    Ok(xattr::get(directory, OPAQUE_ATTRIBUTE)?.is_some_and(|value| value == b"y"))
}

fn failed(error: bunker_sys::SysError) -> Problem {
    Problem::system("looking into the layers below")(error)
}

/// The components of a path in reverse.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .rev()
        .filter(|name| !name.is_empty() && *name != b".")
        .map(<[u8]>::to_vec)
        .collect()
}
