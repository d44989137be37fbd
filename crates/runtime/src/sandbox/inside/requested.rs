//! Mounts that flags or the image's volumes ask for. Sources are the host user's own words; targets are looked up inside the root.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{SysError, file, mount, path};

use super::standard::mount_tmpfs;
use crate::failure::{Failure, FailureCode};
use crate::spec::{Mount, SandboxSpec};
use crate::{inroot, tree};

/// Mounts them in the order of the spec, which is from the root down.
pub(super) fn mount_all(spec: &SandboxSpec, root: BorrowedFd<'_>) -> Result<(), Failure> {
    for wanted in &spec.mounts {
        mount_one(wanted, root)?;
    }
    Ok(())
}

fn mount_one(wanted: &Mount, root: BorrowedFd<'_>) -> Result<(), Failure> {
    match wanted {
        Mount::Bind { source, target, readonly, recursive, propagation, dev, suid, exec } => {
            let opened = file::open(source, path::O_PATH)
                .map_err(|error| Failure::system(FailureCode::BadPath, &format!("opening the bind source \"{source}\""), &error))?;
            let clone = mount::clone_of(opened.as_fd(), *recursive)
                .map_err(|error| Failure::system(FailureCode::BadPath, &format!("binding \"{source}\""), &error))?;
            let attributes = flag(*readonly, mount::RDONLY) | flag(!dev, mount::NODEV) | flag(!suid, mount::NOSUID) | flag(!exec, mount::NOEXEC);
            mount::set_attributes(clone.as_fd(), attributes, propagation_of(propagation)?, *recursive)?;
            place(clone.as_fd(), root, target, path::status(opened.as_fd())?.is_directory())
        }
        Mount::Tmpfs { target, size, mode, readonly, exec } => {
            let attributes = mount::NOSUID | mount::NODEV | flag(*readonly, mount::RDONLY) | flag(!exec, mount::NOEXEC);
            // A volume of its own would have the mode of the directory it covers; docker's --tmpfs is world-writable and sticky.
            let mounted = mount_tmpfs(&format!("{:o}", mode.unwrap_or(0o1777)), *size, attributes)?;
            place(mounted.as_fd(), root, target, true)
        }
        Mount::Volume { source, target, readonly, copy_up } => {
            let data = file::open(source, path::O_RDONLY | path::O_DIRECTORY)?;
            let point = target_directory(root, target)?;
            if *copy_up {
                fill_volume(data.as_fd(), point.as_fd(), target)?;
            }
            let clone = mount::clone_of(data.as_fd(), false)?;
            mount::set_attributes(clone.as_fd(), mount::NODEV | mount::NOSUID | flag(*readonly, mount::RDONLY), mount::PRIVATE, false)?;
            Ok(mount::attach(clone.as_fd(), point.as_fd())?)
        }
    }
}

fn flag(set: bool, attribute: u64) -> u64 {
    if set { attribute } else { 0 }
}

/// docker's words; the recursive forms differ only in how far the clone reached.
fn propagation_of(word: &str) -> Result<u64, Failure> {
    match word {
        "" | "private" | "rprivate" => Ok(mount::PRIVATE),
        "slave" | "rslave" => Ok(mount::SLAVE),
        "shared" | "rshared" => Ok(mount::SHARED),
        other => Err(Failure::new(FailureCode::BadRequest, format!("unknown propagation \"{other}\""))),
    }
}

fn place(mounted: BorrowedFd<'_>, root: BorrowedFd<'_>, target: &str, is_directory: bool) -> Result<(), Failure> {
    let point = if is_directory { target_directory(root, target)? } else { target_file(root, target)? };
    Ok(mount::attach(mounted, point.as_fd())?)
}

fn target_directory(root: BorrowedFd<'_>, target: &str) -> Result<OwnedFd, Failure> {
    inroot::make_directories(root, target.as_bytes(), 0o755).map_err(|error| bad_target(target, &error))
}

pub(super) fn target_file(root: BorrowedFd<'_>, target: &str) -> Result<OwnedFd, Failure> {
    inroot::make_file(root, target.as_bytes(), 0o644).map_err(|error| bad_target(target, &error))
}

fn bad_target(target: &str, error: &SysError) -> Failure {
    Failure::system(FailureCode::BadPath, &format!("making the mount point \"{target}\" in the container"), error)
}

/// docker's copy-up: an empty volume takes over the image's content at its place, with owner and mode; never over data.
fn fill_volume(data: BorrowedFd<'_>, image: BorrowedFd<'_>, target: &str) -> Result<(), Failure> {
    let failed = |error: &SysError| Failure::system(FailureCode::System, &format!("filling the volume at \"{target}\""), error);
    if !tree::is_empty(data).map_err(|error| failed(&error))? {
        return Ok(());
    }
    let from = path::open_at(image, b".", path::O_RDONLY | path::O_DIRECTORY, 0).map_err(|error| failed(&error))?;
    tree::copy_content(from.as_fd(), data).map_err(|error| failed(&error))
}
