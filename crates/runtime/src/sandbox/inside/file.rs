//! The files we own inside the container: written beside its data, bound over their targets.

use std::os::fd::{AsFd, BorrowedFd};

use bunker_sys::{file, mount, path};

use super::requested::{ensure_mountable, target_file};
use crate::failure::Failure;
use crate::spec::SandboxSpec;

const EEXIST: i32 = 17;

/// Writes each that is not there yet into the container's own directory and binds it.
pub(super) fn place_all(spec: &SandboxSpec, directory: BorrowedFd<'_>, root: BorrowedFd<'_>) -> Result<(), Failure> {
    for owned in &spec.files {
        write_once(directory, &owned.name, &owned.content, owned.mode)?;
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

fn write_once(directory: BorrowedFd<'_>, name: &str, content: &str, mode: u32) -> Result<(), Failure> {
    let flags = path::O_WRONLY | path::O_CREAT | path::O_EXCL | path::O_NOFOLLOW;
    match path::open_at(directory, name.as_bytes(), flags, mode) {
        Ok(made) => {
            file::write_all(made.as_fd(), content.as_bytes())?;
            Ok(path::change_mode(made.as_fd(), mode)?)
        }
        Err(error) if error.errno == EEXIST => Ok(()),
        Err(error) => Err(error.into()),
    }
}
