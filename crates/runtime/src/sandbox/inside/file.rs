//! The files we own inside the container: written beside its data, bound over their targets.

use std::os::fd::{AsFd, BorrowedFd};

use bunker_sys::path::FileTime;
use bunker_sys::{file, mount, path, process};

use super::requested::{ensure_mountable, target_file};
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::spec::{OwnedFile, SandboxSpec};

const ENOENT: i32 = 2;

/// Writes each into the container's own directory and binds it.
pub(super) fn place_all(spec: &SandboxSpec, directory: BorrowedFd<'_>, root: BorrowedFd<'_>) -> Result<(), Failure> {
    for owned in &spec.files {
        if !spec.user_namespace.hides_caller() {
            write(directory, owned, root)?;
        }
        let source = path::open_at(directory, owned.name.as_bytes(), path::O_PATH | path::O_NOFOLLOW, 0)?;
        let clone = mount::clone_of(source.as_fd(), false)?;
        let closed = mount::NODEV | mount::NOSUID | mount::NOEXEC;
        let attributes = closed | if owned.readonly { mount::RDONLY } else { 0 };
        mount::set_attributes(clone.as_fd(), attributes, mount::PRIVATE, false)?;
        let target = target_file(root, &owned.target)?;
        ensure_mountable(root, target.as_fd(), &owned.target)?;
        mount::attach(clone.as_fd(), target.as_fd())?;
    }
    Ok(())
}

/// Only writes them, for a root to which the directory is closed.
pub(in crate::sandbox) fn write_all(
    files: &[OwnedFile],
    directory: BorrowedFd<'_>,
    root: BorrowedFd<'_>,
) -> Result<(), Failure> {
    files.iter().try_for_each(|owned| write(directory, owned, root))
}

/// Anew at each start, since the host's names and the network may have changed; not if the container wrote it itself, where that is to
/// count (docker's rule: only what it wrote into resolv.conf does).
fn write(directory: BorrowedFd<'_>, owned: &OwnedFile, root: BorrowedFd<'_>) -> Result<(), Failure> {
    let name = owned.name.as_bytes();
    match path::status_at(directory, name) {
        Ok(found) if owned.keeps_changes && found.modified.nanoseconds != MADE_BY_US => return Ok(()),
        Ok(_) => path::remove_file_at(directory, name)?,
        Err(error) if error.errno == ENOENT => {}
        Err(error) => return Err(error.into()),
    }
    let flags = path::O_WRONLY | path::O_CREAT | path::O_EXCL | path::O_NOFOLLOW;
    let made = path::open_at(directory, name, flags, owned.mode)?;
    if owned.after_image {
        file::write_all(made.as_fd(), &image_content(root, &owned.target)?)?;
    }
    file::write_all(made.as_fd(), owned.content.as_bytes())?;
    path::change_mode(made.as_fd(), owned.mode)?;
    let (seconds, _) = process::wall_clock();
    Ok(path::set_time(made.as_fd(), FileTime { seconds, nanoseconds: MADE_BY_US })?)
}

/// What the image has there, to its last line's end; nothing where it has nothing.
fn image_content(root: BorrowedFd<'_>, target: &str) -> Result<Vec<u8>, Failure> {
    let mut content = match inroot::read_file(root, target.as_bytes(), IMAGE_FILE_LIMIT) {
        Err(error) if error.errno == ENOENT => Vec::new(),
        other => other.map_err(|error| {
            Failure::system(FailureCode::BadPath, &format!("reading the image's \"{target}\""), &error)
        })?,
    };
    if content.last().is_some_and(|last| *last != b'\n') {
        content.push(b'\n');
    }
    Ok(content)
}

/// As much as we take of a file of names.
const IMAGE_FILE_LIMIT: usize = 16 * 1024 * 1024;

/// The fraction of a second in the time of a file that nobody has changed since we wrote it.
const MADE_BY_US: u32 = 271_828_182;
