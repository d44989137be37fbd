//! One file of a lower layer, copied with all that belongs to it.

use super::super::attributes;
use super::super::limits;
use super::super::merged::Found;
use super::super::problem::Outcome;
use super::failed;
use bunker_sys::path::{self, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, S_IFIFO};
use bunker_sys::{SysResult, xattr};
use std::os::fd::{AsFd, BorrowedFd};
use xxhash_rust::xxh3::Xxh3;

const BUFFER: usize = 256 * 1024;

/// Copies a regular file; its checksum as the manifest wants it.
pub(super) fn file(found: &Found, to: (BorrowedFd<'_>, &[u8])) -> Outcome<Option<[u8; 16]>> {
    copy_file(found, to).map_err(failed)
}

fn copy_file(found: &Found, to: (BorrowedFd<'_>, &[u8])) -> SysResult<Option<[u8; 16]>> {
    let status = &found.status;
    let source = path::open_at(found.directory.as_fd(), &found.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)?;
    let target = path::open_at(to.0, to.1, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)?;
    let (source, target) = (source.as_fd(), target.as_fd());
    let shared = path::clone_file(source, target)?;
    let checksum =
        read_through(
            source,
            status.size,
            |data, offset| {
                if shared { Ok(()) } else { path::write_at(target, data, offset) }
            },
        )?;
    if !shared {
        path::set_length(target, status.size)?;
    }
    path::change_owner(target, (status.uid, status.gid))?;
    path::change_mode(target, status.permissions())?;
    for name in xattr::list(source)? {
        let Some(value) = xattr::get(source, &name)? else { continue };
        if let Some(value) = attributes::kept(&name, &value) {
            xattr::set(target, &name, &value)?;
        }
    }
    path::set_time(target, status.modified)?;
    Ok(checksum)
}

/// Hands out the data, not the holes, and makes the checksum of both.
fn read_through(
    file: BorrowedFd<'_>,
    size: u64,
    mut take: impl FnMut(&[u8], u64) -> SysResult<()>,
) -> SysResult<Option<[u8; 16]>> {
    let mut buffer = vec![0; BUFFER];
    let zeros = vec![0; BUFFER];
    let mut hash = Xxh3::new();
    let (mut position, mut holes) = (0, 0_u64);
    while position < size {
        let start = path::skip_to_data(file, position)?.unwrap_or(size).min(size);
        holes += start - position;
        while position < start && holes <= limits::HASHED_HOLES {
            let count = usize::try_from(start - position).unwrap_or(usize::MAX).min(BUFFER);
            hash.update(&zeros[..count]);
            position += count as u64;
        }
        position = start;
        let end = if start < size { path::skip_hole(file, start)?.min(size) } else { size };
        while position < end {
            let room = usize::try_from(end - position).unwrap_or(usize::MAX).min(BUFFER);
            let count = path::read_at(file, &mut buffer[..room], position)?;
            if count == 0 {
                // Shorter than it was: nobody changes a layer, but do not wait for ever.
                return Ok(None);
            }
            hash.update(&buffer[..count]);
            take(&buffer[..count], position)?;
            position += count as u64;
        }
    }
    Ok((holes <= limits::HASHED_HOLES).then(|| hash.digest128().to_be_bytes()))
}

/// Copies a symbolic link; its target.
pub(super) fn symlink(found: &Found, to: (BorrowedFd<'_>, &[u8])) -> Outcome<Vec<u8>> {
    let copy = || -> SysResult<Vec<u8>> {
        let target = path::read_link_at(found.directory.as_fd(), &found.name)?;
        path::make_symlink_at(&target, to.0, to.1)?;
        dress(found, to)?;
        Ok(target)
    };
    copy().map_err(failed)
}

pub(super) fn fifo(found: &Found, to: (BorrowedFd<'_>, &[u8])) -> Outcome<()> {
    let copy = || -> SysResult<()> {
        path::make_node_at(to.0, to.1, S_IFIFO | found.status.permissions())?;
        dress(found, to)
    };
    copy().map_err(failed)
}

fn dress(found: &Found, to: (BorrowedFd<'_>, &[u8])) -> SysResult<()> {
    path::change_owner_at(to.0, to.1, (found.status.uid, found.status.gid))?;
    path::set_time_at(to.0, to.1, found.status.modified)
}
