//! Another image as a mount: its layers put together beside the container's own data, and what was asked for of that.

use std::os::fd::{AsFd, OwnedFd};

use bunker_sys::{mount, path};

use super::super::provision;
use super::host_paths::HostPaths;
use super::root::{Changes, Stack, overlay};
use crate::failure::{Failure, FailureCode};
use crate::inroot;

pub(super) struct Image<'a> {
    pub(super) lower: &'a [String],
    pub(super) place: &'a str,
    /// A copy of the layers, which is then all there is to be shown.
    pub(super) root: Option<&'a str>,
    pub(super) readonly: bool,
    pub(super) subpath: Option<&'a str>,
    pub(super) is_first_start: bool,
}

/// A detached mount of it, and what it shows.
pub(super) fn open(image: &Image<'_>, hosts: &HostPaths) -> Result<(OwnedFd, OwnedFd), Failure> {
    let [upper, work] = provision::changes_of(image.place);
    let place = hosts.directory(image.place)?;
    let merged = if let Some(root) = image.root {
        hosts.directory(root)?
    } else if image.readonly {
        // Overlay wants two layers at least where there is nothing to write to: the empty one goes below.
        let lower: Vec<String> = image.lower.iter().cloned().chain([upper]).collect();
        overlay(&Stack { lower: &lower, changes: None, is_first_start: false }, &place, hosts)?
    } else {
        let changes = Some(Changes { upper: &upper, work: &work, volatile: false });
        overlay(&Stack { lower: image.lower, changes, is_first_start: image.is_first_start }, &place, hosts)?
    };
    let shown = open_subpath(merged, image.subpath)?;
    // Of an attached mount: older kernels copy no part of a detached one.
    Ok((mount::clone_of(shown.as_fd(), false)?, shown))
}

/// What is at `subpath` inside `whole`, wherever links there lead to.
pub(super) fn open_subpath(whole: OwnedFd, subpath: Option<&str>) -> Result<OwnedFd, Failure> {
    let Some(subpath) = subpath else { return Ok(whole) };
    inroot::open(whole.as_fd(), subpath.as_bytes(), path::O_PATH)
        .map_err(|error| Failure::system(FailureCode::BadPath, &format!("cannot access path {subpath}"), &error))
}
