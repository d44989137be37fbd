//! docker's copy-up: an empty volume takes over the image's content at its place, with owner and mode, once and never over data.
//!
//! Two containers may start with the same new volume, either may be killed, and a third may have it mounted already, so its
//! directory stays the same one. Under the volume's lock the content is copied into `fill` beside it, which becomes `ready` when
//! it is whole; what is in `ready` is then moved in. Whoever finds `ready` goes on with that.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{SysError, SysResult, file, lock, path};

use super::requested::{ensure_mountable, target_directory};
use crate::failure::{Failure, FailureCode};
use crate::tree;

const FILL: &[u8] = b"fill";
const READY: &[u8] = b"ready";
const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const ENOTEMPTY: i32 = 39;

/// Fills the volume whose `_data` is `data` from what `root` has at `target`, if it is empty.
pub(super) fn fill(data: &str, root: BorrowedFd<'_>, target: &str) -> Result<(), Failure> {
    let failed =
        |error: SysError| Failure::system(FailureCode::System, &format!("filling the volume at \"{target}\""), &error);
    let home = data.strip_suffix("/_data").unwrap_or(data);
    let volume = Volume::open(home, data).map_err(failed)?;
    if !tree::is_empty(volume.data.as_fd()).map_err(failed)? {
        return Ok(());
    }
    fill_from(data, target, root, image_place(root, target)?.as_fd())
}

/// Where the image has what a volume begins with.
pub(super) fn image_place(root: BorrowedFd<'_>, target: &str) -> Result<OwnedFd, Failure> {
    let image = target_directory(root, target)?;
    ensure_mountable(root, image.as_fd(), target)?;
    Ok(image)
}

/// The same, from the very directory `image` below `root`.
pub(in crate::sandbox) fn fill_from(
    data: &str,
    target: &str,
    root: BorrowedFd<'_>,
    image: BorrowedFd<'_>,
) -> Result<(), Failure> {
    let failed =
        |error: SysError| Failure::system(FailureCode::System, &format!("filling the volume at \"{target}\""), &error);
    let home = data.strip_suffix("/_data").unwrap_or(data);
    let volume = Volume::open(home, data).map_err(failed)?;
    if !tree::is_empty(volume.data.as_fd()).map_err(failed)? {
        return Ok(());
    }
    // What another file system shows there (/sys, /dev) is not the image's content.
    if path::status(root)?.device != path::status(image)?.device {
        return Ok(());
    }
    let from = open_directory(image, b".").map_err(failed)?;
    let _held = lock::wait(&format!("{home}/lock")).map_err(failed)?;
    volume.fill_from(from.as_fd()).map_err(failed)
}

/// Moves in what was whole when its filler died, before anybody sees the volume: the next container's image may have nothing at its
/// place of it, or want no copy.
pub(in crate::sandbox) fn finish(data: &str, target: &str) -> Result<(), Failure> {
    let failed =
        |error: SysError| Failure::system(FailureCode::System, &format!("filling the volume at \"{target}\""), &error);
    let home = data.strip_suffix("/_data").unwrap_or(data);
    let volume = Volume::open(home, data).map_err(failed)?;
    if volume.open_ready().map_err(failed)?.is_none() {
        return Ok(());
    }
    let _held = lock::wait(&format!("{home}/lock")).map_err(failed)?;
    volume.move_in().map_err(failed)
}

/// podman's tmpcopyup: a new file system begins with what the image has at its place.
pub(super) fn copy_into(mounted: BorrowedFd<'_>, root: BorrowedFd<'_>, target: &str) -> Result<(), Failure> {
    let image = target_directory(root, target)?;
    ensure_mountable(root, image.as_fd(), target)?;
    if path::status(root)?.device != path::status(image.as_fd())?.device {
        return Ok(());
    }
    let copied =
        (|| tree::copy_content(open_directory(image.as_fd(), b".")?.as_fd(), open_directory(mounted, b".")?.as_fd()))();
    copied.map_err(|error| Failure::system(FailureCode::System, &format!("filling the tmpfs at \"{target}\""), &error))
}

fn open_directory(parent: BorrowedFd<'_>, name: &[u8]) -> SysResult<OwnedFd> {
    path::open_at(parent, name, path::O_RDONLY | path::O_DIRECTORY | path::O_NOFOLLOW, 0)
}

struct Volume {
    home: OwnedFd,
    data: OwnedFd,
}

impl Volume {
    fn open(home: &str, data: &str) -> SysResult<Self> {
        let flags = path::O_RDONLY | path::O_DIRECTORY;
        Ok(Self { home: file::open(home, flags)?, data: file::open(data, flags)? })
    }

    fn open_ready(&self) -> SysResult<Option<OwnedFd>> {
        match open_directory(self.home.as_fd(), READY) {
            Err(error) if error.errno == ENOENT => Ok(None),
            other => other.map(Some),
        }
    }

    fn fill_from(&self, from: BorrowedFd<'_>) -> SysResult<()> {
        if self.open_ready()?.is_none() {
            // Somebody else was quicker while we waited.
            if !tree::is_empty(self.data.as_fd())? {
                return Ok(());
            }
            if tree::is_empty(from)? {
                return tree::dress_like(self.data.as_fd(), from);
            }
            let home = self.home.as_fd();
            tree::remove(home, FILL)?;
            path::make_directory_at(home, FILL, 0o700)?;
            let fill = open_directory(home, FILL)?;
            tree::copy_content(from, fill.as_fd())?;
            file::sync_filesystem(fill.as_fd())?;
            path::rename_at((home, FILL), (home, READY))?;
        }
        self.move_in()
    }

    fn move_in(&self) -> SysResult<()> {
        let Some(ready) = self.open_ready()? else { return Ok(()) };
        for name in tree::names(ready.as_fd())? {
            match path::rename_new_at((ready.as_fd(), &name), (self.data.as_fd(), &name)) {
                // A container that has it mounted was quicker: its data stay.
                Err(error) if matches!(error.errno, EEXIST | ENOTEMPTY) => {}
                other => other?,
            }
        }
        tree::dress_like(self.data.as_fd(), ready.as_fd())?;
        tree::remove(self.home.as_fd(), READY)
    }
}
