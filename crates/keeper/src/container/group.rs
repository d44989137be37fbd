//! The container's own cgroup in a subtree that was delegated to the user (cgroups(7), v2 only).

use std::os::fd::OwnedFd;

use bunker_runtime::Failure;
use bunker_sys::{SysError, file, path};

/// podman's default; a fork bomb then ends at its container.
const PIDS_MAX: &str = "2048";
/// Deeper ones are left.
const MAX_DEPTH: usize = 32;

/// A group that exists while its container does.
pub struct Group {
    pub place: String,
    pub directory: OwnedFd,
}

impl Group {
    /// Makes it; the limit on processes is ours, so it applies where the controller is at hand.
    pub fn make(place: &str) -> Result<Self, Failure> {
        match std::fs::create_dir(place) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(SysError::from_io(format!("mkdir({place:?})"), &error).into());
            }
            // What a crash left may have been paused, and what joins it would be held.
            Err(_) => drop(file::write_value(&format!("{place}/cgroup.freeze"), "0")),
            Ok(()) => {}
        }
        let directory = file::open(place, path::O_RDONLY | path::O_DIRECTORY)?;
        let limit = || file::write_value(&format!("{place}/pids.max"), PIDS_MAX);
        if limit().is_err() {
            // Delegated to the user, perhaps, and not yet handed on by him.
            let _ = file::write_value(&format!("{place}/../cgroup.subtree_control"), "+pids").and_then(|()| limit());
        }
        Ok(Self { place: place.to_owned(), directory })
    }

    /// Of a container whose keeper died.
    pub fn open(place: &str) -> Option<Self> {
        let directory = file::open(place, path::O_RDONLY | path::O_DIRECTORY).ok()?;
        Some(Self { place: place.to_owned(), directory })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Empty once the container has ended; a leftover of a crash is taken over by the next start.
        let _ = remove(std::path::Path::new(&self.place), MAX_DEPTH);
    }
}

/// A container with the power to mount its own view may have made groups in it.
fn remove(group: &std::path::Path, depth: usize) -> std::io::Result<()> {
    match std::fs::remove_dir(group) {
        Err(error) if depth > 0 && error.kind() != std::io::ErrorKind::NotFound => {}
        other => return other,
    }
    for entry in std::fs::read_dir(group)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path(), depth - 1)?;
        }
    }
    std::fs::remove_dir(group)
}

#[cfg(test)]
#[path = "group_test.rs"]
mod tests;
