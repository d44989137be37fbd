//! The copy driver's work: layers become one tree, as overlay would show them. For hosts that mount no overlay.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};

use bunker_sys::path::{self, Status};
use bunker_sys::{SysError, SysResult, xattr};

use super::{ENOENT, MAX_COPY_DEPTH, copy_file, copy_special, dress, names, open_directory, remove};

/// How overlay marks a directory that hides what is below it (Documentation/filesystems/overlayfs.rst, "userxattr").
const OPAQUE: &[u8] = b"user.overlay.opaque";
/// fuse-overlayfs' own, where it could not or would not make overlay's: `.wh.NAME` hides NAME, these two all that is below.
const MARK: &[u8] = b".wh.";
const OPAQUE_MARKS: [&[u8]; 2] = [b".wh..wh..opq", b".wh..opq"];
const ELOOP: i32 = 40;

/// Lays the layers, bottom first, over each other in `target`, an empty directory that is nobody else's. The last one is what a
/// container has written; `marked`: through fuse-overlayfs.
pub fn flatten(layers: &[BorrowedFd<'_>], marked: bool, target: BorrowedFd<'_>) -> SysResult<()> {
    for (index, layer) in layers.iter().enumerate() {
        // No file of an image's can have such a name, but one of a container's can.
        let marked = marked || index + 1 < layers.len();
        let mut merge = Merge { target, marked, linked: HashMap::new(), at: Vec::new() };
        merge.level(*layer, target, 0)?;
    }
    Ok(())
}

struct Merge<'a> {
    target: BorrowedFd<'a>,
    marked: bool,
    /// Files of this layer that have several names: device and inode → the name that is there already.
    linked: HashMap<(u64, u64), Vec<u8>>,
    /// Where we are below the top.
    at: Vec<u8>,
}

impl Merge<'_> {
    fn level(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, depth: usize) -> SysResult<()> {
        if depth > MAX_COPY_DEPTH {
            return Err(SysError::new("copying a layer: nested too deep", ELOOP));
        }
        let length = self.at.len();
        for name in names(from)? {
            if let Some(hidden) = name.strip_prefix(MARK).filter(|_| self.marked) {
                self.hide((from, to), &name, hidden)?;
                continue;
            }
            if length > 0 {
                self.at.push(b'/');
            }
            self.at.extend_from_slice(&name);
            self.entry((from, to), &name, depth)?;
            self.at.truncate(length);
        }
        dress(to, from, &path::status(from)?)
    }

    fn entry(&mut self, (from, to): (BorrowedFd<'_>, BorrowedFd<'_>), name: &[u8], depth: usize) -> SysResult<()> {
        let status = path::status_at(from, name)?;
        let there = match path::status_at(to, name) {
            Err(error) if error.errno == ENOENT => None,
            other => Some(other?),
        };
        if !status.is_directory() {
            if there.is_some() {
                remove(to, name)?;
            }
            return if status.is_whiteout() { Ok(()) } else { self.file((from, to), name, &status) };
        }
        let below = open_directory(from, name)?;
        let stays = there.is_some_and(|there| there.is_directory()) && !self.is_opaque(below.as_fd())?;
        if !stays {
            if there.is_some() {
                remove(to, name)?;
            }
            path::make_directory_at(to, name, 0o700)?;
        }
        self.level(below.as_fd(), open_directory(to, name)?.as_fd(), depth + 1)
    }

    fn is_opaque(&self, directory: BorrowedFd<'_>) -> SysResult<bool> {
        if xattr::get(directory, OPAQUE)?.is_some() {
            return Ok(true);
        }
        Ok(self.marked && OPAQUE_MARKS.iter().any(|mark| path::status_at(directory, mark).is_ok()))
    }

    /// What a mark says is not there; unless the same layer has it, made after.
    fn hide(&self, (from, to): (BorrowedFd<'_>, BorrowedFd<'_>), mark: &[u8], hidden: &[u8]) -> SysResult<()> {
        let is_there = |directory, name| match path::status_at(directory, name) {
            Err(error) if error.errno == ENOENT => Ok(false),
            other => other.map(|_| true),
        };
        let says_opaque = OPAQUE_MARKS.contains(&mark);
        if says_opaque || hidden.is_empty() || is_there(from, hidden)? || !is_there(to, hidden)? {
            return Ok(());
        }
        remove(to, hidden)
    }

    fn file(&mut self, (from, to): (BorrowedFd<'_>, BorrowedFd<'_>), name: &[u8], status: &Status) -> SysResult<()> {
        if !status.is_regular() {
            return copy_special((from, to), name, status);
        }
        let key = (status.device, status.inode);
        if let Some(first) = self.linked.get(&key) {
            return path::make_hard_link_at((self.target, first), (to, name));
        }
        if status.links > 1 {
            self.linked.insert(key, self.at.clone());
        }
        copy_file(from, to, name)
    }
}

#[cfg(test)]
#[path = "flatten_test.rs"]
mod tests;
