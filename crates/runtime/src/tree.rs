//! Whole trees, by descriptor: copying what an image has at a volume's place, removing what a container left.
//! No link is ever followed; a tree may be deeper than any path and may change while we are in it.

mod flatten;

pub use flatten::flatten;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{self, Status};
use bunker_sys::{SysError, SysResult, xattr};

const ENOENT: i32 = 2;
const EPERM: i32 = 1;
const ENOTDIR: i32 = 20;
const ENOTSUP: i32 = 95;
const EEXIST: i32 = 17;
const ENOTEMPTY: i32 = 39;
const ELOOP: i32 = 40;
const OVERLAY_ATTRIBUTES: &[u8] = b"user.overlay.";
const LISTING_BUFFER: usize = 16 * 1024;
const COPY_BUFFER: usize = 128 * 1024;
/// Deeper directories are first moved up: each level holds a descriptor.
const MAX_OPEN_LEVELS: usize = 64;
/// A copied tree comes from an image; deeper ones than a path can name are not worth the descriptors.
const MAX_COPY_DEPTH: usize = 1000;

/// Whether a directory (open for reading) has no entries.
pub fn is_empty(directory: BorrowedFd<'_>) -> SysResult<bool> {
    path::rewind(directory)?;
    let mut buffer = vec![0; LISTING_BUFFER];
    let count = path::read_entries(directory, &mut buffer)?;
    let empty = path::entries(&buffer[..count]).next().is_none();
    path::rewind(directory)?;
    Ok(empty)
}

/// What is in a directory (open for reading).
pub fn names(directory: BorrowedFd<'_>) -> SysResult<Vec<Vec<u8>>> {
    path::rewind(directory)?;
    let mut buffer = vec![0; LISTING_BUFFER];
    let mut found = Vec::new();
    loop {
        let count = path::read_entries(directory, &mut buffer)?;
        if count == 0 {
            return Ok(found);
        }
        found.extend(path::entries(&buffer[..count]).map(|entry| entry.name.to_vec()));
    }
}

fn open_directory(parent: BorrowedFd<'_>, name: &[u8]) -> SysResult<OwnedFd> {
    path::open_at(parent, name, path::O_RDONLY | path::O_DIRECTORY | path::O_NOFOLLOW, 0)
}

/// Copies everything in one directory into another, which also gets its owner, mode, times and attributes. Devices and sockets
/// are left out, as no container could use them.
pub fn copy_content(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> SysResult<()> {
    copy_level(from, to, 0)
}

fn copy_level(from: BorrowedFd<'_>, to: BorrowedFd<'_>, depth: usize) -> SysResult<()> {
    if depth > MAX_COPY_DEPTH {
        return Err(SysError::new("copying a directory: nested too deep", ELOOP));
    }
    for name in names(from)? {
        let status = path::status_at(from, &name)?;
        match status.kind() {
            path::S_IFDIR => {
                path::make_directory_at(to, &name, 0o700)?;
                copy_level(open_directory(from, &name)?.as_fd(), open_directory(to, &name)?.as_fd(), depth + 1)?;
            }
            path::S_IFREG => copy_file(from, to, &name)?,
            _ => copy_special((from, to), &name, &status)?,
        }
    }
    dress(to, from, &path::status(from)?)
}

/// Links and FIFOs.
fn copy_special((from, to): (BorrowedFd<'_>, BorrowedFd<'_>), name: &[u8], status: &Status) -> SysResult<()> {
    match status.kind() {
        path::S_IFLNK => path::make_symlink_at(&path::read_link_at(from, name)?, to, name)?,
        path::S_IFIFO => path::make_node_at(to, name, status.mode)?,
        _ => return Ok(()),
    }
    path::change_owner_at(to, name, (status.uid, status.gid))?;
    path::set_time_at(to, name, status.modified)
}

fn copy_file(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &[u8]) -> SysResult<()> {
    let source = path::open_at(from, name, path::O_RDONLY | path::O_NOFOLLOW | path::O_NONBLOCK, 0)?;
    let flags = path::O_RDWR | path::O_CREAT | path::O_EXCL | path::O_NOFOLLOW;
    let target = path::open_at(to, name, flags, 0o600)?;
    let status = path::status(source.as_fd())?;
    if !path::clone_file(source.as_fd(), target.as_fd())? {
        copy_bytes(source.as_fd(), target.as_fd(), status.size)?;
    }
    dress(target.as_fd(), source.as_fd(), &status)
}

fn copy_bytes(source: BorrowedFd<'_>, target: BorrowedFd<'_>, size: u64) -> SysResult<()> {
    let mut done = 0;
    while done < size {
        let step = usize::try_from(size - done).unwrap_or(usize::MAX).min(1 << 30);
        match path::copy_range(source, target, done, step)? {
            Some(0) => return Ok(()),
            Some(count) => done += count as u64,
            None => return copy_by_hand(source, target, done),
        }
    }
    Ok(())
}

fn copy_by_hand(source: BorrowedFd<'_>, target: BorrowedFd<'_>, mut done: u64) -> SysResult<()> {
    let mut buffer = vec![0; COPY_BUFFER];
    loop {
        let count = path::read_at(source, &mut buffer, done)?;
        if count == 0 {
            return Ok(());
        }
        path::write_at(target, &buffer[..count], done)?;
        done += count as u64;
    }
}

/// Gives one directory or file the owner, mode, times and attributes of another.
pub fn dress_like(target: BorrowedFd<'_>, source: BorrowedFd<'_>) -> SysResult<()> {
    dress(target, source, &path::status(source)?)
}

/// Owner before mode, as a change of owner takes setuid away; times last.
fn dress(target: BorrowedFd<'_>, source: BorrowedFd<'_>, status: &Status) -> SysResult<()> {
    path::change_owner(target, (status.uid, status.gid))?;
    path::change_mode(target, status.permissions())?;
    for name in xattr::list(source)? {
        // What overlay says about a layer is about no other place.
        if name.starts_with(OVERLAY_ATTRIBUTES) {
            continue;
        }
        let Some(value) = xattr::get(source, &name)? else { continue };
        match xattr::set(target, &name, &value) {
            Err(error) if !matches!(error.errno, EPERM | ENOTSUP) => return Err(error),
            _ => {}
        }
    }
    path::set_time(target, status.modified)
}

/// Gives what is open at `top`, and all below it on the same file system, to somebody else; what is his already is left alone.
pub fn give(top: BorrowedFd<'_>, owner: (u32, u32)) -> SysResult<()> {
    let status = path::status(top)?;
    if status.is_directory() {
        return give_level(open_directory(top, b".")?.as_fd(), owner, 0);
    }
    if (status.uid, status.gid) == owner { Ok(()) } else { path::change_owner_of(top, owner) }
}

/// The directory itself last: its owner before may be the only one who may look into it.
fn give_level(directory: BorrowedFd<'_>, owner: (u32, u32), depth: usize) -> SysResult<()> {
    if depth > MAX_COPY_DEPTH {
        return Err(SysError::new("giving a directory away: nested too deep", ELOOP));
    }
    let top = path::status(directory)?;
    for name in names(directory)? {
        let given = path::status_at(directory, &name).and_then(|status| {
            if status.is_directory() {
                let below = open_directory(directory, &name)?;
                // A mount point is somebody else's tree.
                return if path::status(below.as_fd())?.device == top.device {
                    give_level(below.as_fd(), owner, depth + 1)
                } else {
                    Ok(())
                };
            }
            if (status.uid, status.gid) == owner { Ok(()) } else { path::change_owner_at(directory, &name, owner) }
        });
        ignore_missing(given)?;
    }
    if (top.uid, top.gid) == owner { Ok(()) } else { path::change_owner(directory, owner) }
}

/// Removes `name` and all below it; what is gone already is fine. `base` is a directory of ours on the same filesystem, into
/// which parts that lie too deep are moved on the way.
pub fn remove(base: BorrowedFd<'_>, name: &[u8]) -> SysResult<()> {
    let mut remover = Remover { base, aside: Vec::new(), moved: 0 };
    remover.remove(base, name, 0)?;
    while let Some(aside) = remover.aside.pop() {
        remover.remove(base, &aside, 0)?;
    }
    Ok(())
}

struct Remover<'a> {
    base: BorrowedFd<'a>,
    /// Parts that lie in `base` and are still to be removed.
    aside: Vec<Vec<u8>>,
    moved: usize,
}

impl Remover<'_> {
    fn remove(&mut self, parent: BorrowedFd<'_>, name: &[u8], level: usize) -> SysResult<()> {
        let directory = match open_directory(parent, name) {
            Ok(directory) => directory,
            Err(error) if error.errno == ENOENT => return Ok(()),
            // A file, or a link (ELOOP).
            Err(error) if matches!(error.errno, ENOTDIR | ELOOP) => {
                return ignore_missing(path::remove_file_at(parent, name));
            }
            Err(error) => return Err(error),
        };
        if level == MAX_OPEN_LEVELS {
            return self.move_aside(parent, name);
        }
        for child in names(directory.as_fd())? {
            self.remove_child(directory.as_fd(), &child, level)?;
        }
        ignore_missing(path::remove_directory_at(parent, name))
    }

    /// Most entries are files: unlinked without looking first.
    fn remove_child(&mut self, directory: BorrowedFd<'_>, child: &[u8], level: usize) -> SysResult<()> {
        const EISDIR: i32 = 21;
        match path::remove_file_at(directory, child) {
            Err(error) if matches!(error.errno, EISDIR | EPERM) => self.remove(directory, child, level + 1),
            other => ignore_missing(other),
        }
    }

    fn move_aside(&mut self, parent: BorrowedFd<'_>, name: &[u8]) -> SysResult<()> {
        loop {
            self.moved += 1;
            let aside = format!(".deep-{}-{}", bunker_sys::process::own_pid(), self.moved).into_bytes();
            match path::rename_at((parent, name), (self.base, &aside)) {
                // Left by an earlier process of this number.
                Err(error) if matches!(error.errno, EEXIST | ENOTEMPTY) => {}
                Ok(()) => {
                    self.aside.push(aside);
                    return Ok(());
                }
                Err(error) => return ignore_missing(Err(error)),
            }
        }
    }
}

fn ignore_missing(result: SysResult<()>) -> SysResult<()> {
    match result {
        Err(error) if error.errno == ENOENT => Ok(()),
        other => other,
    }
}

#[cfg(test)]
#[path = "tree_test.rs"]
mod tests;
