//! How much a tree takes: lengths of its files, and blocks on disk. Files with several names count once.

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{self, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, Status};
use bunker_sys::{SysError, SysResult};
use serde::Serialize;

const ENOENT: i32 = 2;
const ELOOP: i32 = 40;
const LISTING_BUFFER: usize = 64 * 1024;
/// Each level holds a descriptor; what a path can name is not deeper.
const MAX_DEPTH: usize = 2048;
/// What stat(2) counts blocks in.
const BLOCK: u64 = 512;

/// Of one tree; the directories' own blocks are in `disk`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    pub bytes: u64,
    pub disk: u64,
    /// Everything that is not a directory.
    pub files: u64,
}

/// Measures a tree (or a single file) that may change meanwhile: what goes while we look is not counted.
///
/// # Errors
/// The system calls' own, and ELOOP where directories are nested deeper than any path.
pub fn measure(top: BorrowedFd<'_>) -> SysResult<Usage> {
    let mut usage = Usage::default();
    let mut seen = HashSet::new();
    let status = path::status(top)?;
    usage.add(&status, &mut seen);
    if !status.is_directory() {
        return Ok(usage);
    }
    let mut buffer = vec![0; LISTING_BUFFER];
    // Directories to list, each under the level of its parent, whose descriptor is still open then.
    let mut open: Vec<OwnedFd> = Vec::new();
    let mut ahead: Vec<(usize, Vec<u8>)> = vec![(0, b".".to_vec())];
    while let Some((level, name)) = ahead.pop() {
        open.truncate(level);
        let parent = open.last().map_or(top, AsFd::as_fd);
        let directory = match path::open_at(parent, &name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0) {
            Err(error) if error.errno == ENOENT => continue,
            other => other?,
        };
        if level >= MAX_DEPTH {
            return Err(SysError::new("measuring: directories are nested too deep", ELOOP));
        }
        loop {
            let count = path::read_entries(directory.as_fd(), &mut buffer)?;
            if count == 0 {
                break;
            }
            for entry in path::entries(&buffer[..count]) {
                let status = match path::status_at(directory.as_fd(), entry.name) {
                    Err(error) if error.errno == ENOENT => continue,
                    other => other?,
                };
                usage.add(&status, &mut seen);
                if status.is_directory() {
                    ahead.push((level + 1, entry.name.to_vec()));
                }
            }
        }
        open.push(directory);
    }
    Ok(usage)
}

impl Usage {
    fn add(&mut self, status: &Status, seen: &mut HashSet<(u64, u64)>) {
        if status.is_directory() {
            self.disk += status.blocks * BLOCK;
            return;
        }
        self.files += 1;
        if status.links > 1 && !seen.insert((status.device, status.inode)) {
            return;
        }
        self.bytes += status.size;
        self.disk += status.blocks * BLOCK;
    }
}

#[cfg(test)]
#[path = "usage_test.rs"]
mod tests;
