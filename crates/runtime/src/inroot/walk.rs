//! Making what is missing on a path, component by component: each step is one name in an open directory, no link is ever
//! followed by the kernel here. Links are read and taken apart, `..` goes back by the path walked so far.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{
    self, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_WRONLY, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS,
};
use bunker_sys::{SysError, SysResult, mount};

const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const ENOTDIR: i32 = 20;
const EISDIR: i32 = 21;
const ENAMETOOLONG: i32 = 36;
const ELOOP: i32 = 40;
/// `PATH_MAX`: what no system call could be told afterwards is not made. An image's word may be megabytes long, and a tree as
/// deep takes minutes to remove.
const LONGEST: usize = 4096;
/// As many directories as such a path can name; links could add up to more.
const DEEPEST: usize = LONGEST / 2;
/// The kernel's own limit of links on one path (path_resolution(7)).
const LINKS: u32 = 40;
/// Somebody who makes and removes the same name in a loop must not keep us here.
const RACES: u32 = 128;
/// Mode of parents that `make_file` has to make.
const PARENT_MODE: u32 = 0o755;

/// PROC_SUPER_MAGIC (statfs(2)).
const PROC: i64 = 0x9fa0;

/// What the last component shall be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaf {
    Directory,
    File,
}

/// Where we are: an open directory and the names that lead to it from the root (never links, never `..`).
struct Place<'a> {
    root: BorrowedFd<'a>,
    names: Vec<Vec<u8>>,
    directory: OwnedFd,
}

impl Place<'_> {
    fn go_to_root(&mut self) -> SysResult<()> {
        self.names.clear();
        self.go_back()
    }

    /// Opens the directory that `names` says.
    fn go_back(&mut self) -> SysResult<()> {
        let way = if self.names.is_empty() { b".".to_vec() } else { self.names.join(&b'/') };
        self.directory = path::open_at2(self.root, &way, O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS)?;
        Ok(())
    }

    /// The name as it is, or made as `leaf` says.
    fn open_or_make(&self, name: &[u8], leaf: Leaf, mode: u32) -> SysResult<OwnedFd> {
        let here = self.directory.as_fd();
        for _ in 0..RACES {
            match path::open_at(here, name, O_PATH | O_NOFOLLOW, 0) {
                Err(error) if error.errno == ENOENT => {}
                other => return other,
            }
            let made = match leaf {
                Leaf::Directory => path::make_directory_at(here, name, mode),
                Leaf::File => path::open_at(here, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode).map(drop),
            };
            match made {
                Err(error) if error.errno != EEXIST => return Err(error),
                _ => {}
            }
        }
        Err(SysError::new(format!("open_or_make(\"{}\")", name.escape_ascii()), EEXIST))
    }
}

/// See `make_directories` and `make_file`.
pub(super) fn make(root: BorrowedFd<'_>, path: &[u8], leaf: Leaf, mode: u32) -> SysResult<OwnedFd> {
    let refuse = |errno| SysError::new(format!("mkdir(\"{}\")", path.escape_ascii()), errno);
    if path.is_empty() {
        return Err(refuse(ENOENT));
    }
    if path.len() >= LONGEST {
        return Err(refuse(ENAMETOOLONG));
    }
    let directory = path::open_at(root, b".", O_PATH | O_DIRECTORY, 0)?;
    let mut place = Place { root, names: Vec::new(), directory };
    // The components still to go, the next one last.
    let mut ahead = components(path);
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == b".." {
            place.names.pop();
            place.go_back()?;
            continue;
        }
        let is_last = ahead.is_empty();
        let (wanted, mode) = match leaf {
            Leaf::File if is_last => (Leaf::File, mode),
            Leaf::File => (Leaf::Directory, PARENT_MODE),
            Leaf::Directory => (Leaf::Directory, mode),
        };
        let found = place.open_or_make(&name, wanted, mode)?;
        let status = path::status(found.as_fd())?;
        if status.is_symlink() {
            links += 1;
            // Of a link into an open file, what can be read is only a name, perhaps the host's.
            if links > LINKS || mount::filesystem_type(found.as_fd())? == PROC {
                return Err(refuse(ELOOP));
            }
            let target = path::read_link_at(found.as_fd(), b"")?;
            if target.first() == Some(&b'/') {
                place.go_to_root()?;
            }
            ahead.extend(components(&target));
        } else if status.is_directory() {
            if place.names.len() == DEEPEST {
                return Err(refuse(ENAMETOOLONG));
            }
            place.names.push(name);
            place.directory = found;
        } else if is_last && leaf == Leaf::File {
            return Ok(found);
        } else {
            return Err(refuse(ENOTDIR));
        }
    }
    if leaf == Leaf::File { Err(refuse(EISDIR)) } else { Ok(place.directory) }
}

/// The components of a path in reverse, without empty ones and `.`.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .rev()
        .filter(|name| !name.is_empty() && *name != b".")
        .map(<[u8]>::to_vec)
        .collect()
}
