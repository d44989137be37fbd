//! Paths hidden or made read-only. Those below /proc and /sys are looked up from those mounts themselves, without following
//! any link, others (which only flags name) inside the root; what is attached over them is the host's /dev/null or an empty
//! read-only directory, never anything of the container.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{SysResult, mount, path};

use super::device::open_device;
use super::requested::ensure_mountable;
use super::standard::{Standard, Tmpfs, mount_tmpfs};
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::spec::SandboxSpec;

const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;

/// Applies both lists; what does not exist here needs no hiding.
pub(super) fn apply(spec: &SandboxSpec, standard: &Standard, root: BorrowedFd<'_>) -> Result<(), Failure> {
    let covers = Covers::prepare()?;
    let (system, others): (Vec<_>, Vec<_>) =
        spec.masked_paths.iter().partition(|place| mount_of(standard, place).is_some());
    for place in others {
        let Some(target) = there(inroot::open(root, place.as_bytes(), path::O_PATH))? else { continue };
        ensure_mountable(root, target.as_fd(), place)?;
        covers.hide(target.as_fd())?;
    }
    for place in system {
        let Some(target) = find(standard, place)? else { continue };
        covers.hide(target.as_fd())?;
    }
    for place in &spec.readonly_paths {
        let Some(target) = find_readonly(standard, root, place)? else { continue };
        let clone = mount::clone_of(target.as_fd(), true)?;
        mount::set_attributes(clone.as_fd(), mount::RDONLY | mount::NOSUID | mount::NODEV | mount::NOEXEC, 0, true)?;
        mount::attach(clone.as_fd(), target.as_fd())?;
    }
    Ok(())
}

/// The /proc or /sys a path lies in, and the rest of the path.
fn mount_of<'a>(standard: &'a Standard, place: &'a str) -> Option<(&'a OwnedFd, &'a str)> {
    let within = |mounted: &'a Option<OwnedFd>, prefix| mounted.as_ref().zip(place.strip_prefix(prefix));
    within(&standard.proc, "/proc/").or_else(|| within(&standard.sys, "/sys/"))
}

/// Anything else that is to be read-only, only a bundle names.
fn find_readonly(standard: &Standard, root: BorrowedFd<'_>, place: &str) -> Result<Option<OwnedFd>, Failure> {
    if mount_of(standard, place).is_some() {
        return find(standard, place);
    }
    let found = there(inroot::open(root, place.as_bytes(), path::O_PATH))?;
    if let Some(target) = &found {
        ensure_mountable(root, target.as_fd(), place)?;
    }
    Ok(found)
}

/// `None`: there is no such file.
fn there(found: SysResult<OwnedFd>) -> Result<Option<OwnedFd>, Failure> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.errno, ENOENT | ENOTDIR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn find(standard: &Standard, place: &str) -> Result<Option<OwnedFd>, Failure> {
    let Some((root, rest)) = mount_of(standard, place) else {
        let message = format!("\"{place}\" is neither below /proc nor below /sys");
        return Err(Failure::new(FailureCode::BadRequest, message));
    };
    let resolve = path::RESOLVE_IN_ROOT | path::RESOLVE_NO_SYMLINKS;
    there(path::open_at2(root.as_fd(), rest.as_bytes(), path::O_PATH | path::O_NOFOLLOW, resolve))
}

/// What lies over hidden things: cloned for each.
struct Covers {
    file: OwnedFd,
    directory: OwnedFd,
}

impl Covers {
    fn prepare() -> Result<Self, Failure> {
        let directory = mount_tmpfs(&Tmpfs::of("0", 0), mount::RDONLY | mount::NOSUID | mount::NODEV | mount::NOEXEC)?;
        Ok(Self { file: open_device("null", 1, 3)?, directory })
    }

    fn hide(&self, target: BorrowedFd<'_>) -> SysResult<()> {
        let cover = if path::status(target)?.is_directory() { &self.directory } else { &self.file };
        let clone = mount::clone_of(cover.as_fd(), false)?;
        mount::set_attributes(clone.as_fd(), mount::RDONLY | mount::NOSUID | mount::NOEXEC, mount::PRIVATE, false)?;
        mount::attach(clone.as_fd(), target)
    }
}
