//! Directories that a layer alone cannot get right. For each layer of an image that has such a fix layer is made, to be mounted
//! directly above it: just these directories and those above them, as they ought to be in the merged view.
//!
//! - Implied ones. A layer's archive may hold `tmp/x` without `tmp/`: its directory `tmp` then has the mode and owner of nobody's
//!   choice, and hides those that a lower layer gave it.
//! - Unmerged ones with whiteouts in them, of what no lower layer has. Overlay hides whiteouts only where it merges directories;
//!   elsewhere readdir shows names that cannot be opened. With the fix layer's directory above it there is something to merge.
//!
//! A fix layer holds only what is a directory in the merged view: over a whiteout it would resurrect, over a file hide.
//! The time of a directory is not worth a fix: making a file in it would have changed it anyway.

mod view;

use super::attributes;
use super::link::{parse, read_manifest};
use super::manifest::{Line, LineKind, Writer};
use super::problem::{Outcome, Problem};
use crate::failure::Failure;
use crate::inroot;
use bunker_sys::path::{self, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_WRONLY};
use bunker_sys::{SysResult, credential, xattr};
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use view::{Layer, Shown, View};

/// Attributes of a directory, those that are kept.
type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// A layer of an image.
pub struct FixLayer<'a> {
    pub root: BorrowedFd<'a>,
    /// Open for reading.
    pub manifest: OwnedFd,
}

/// Makes `<target>/<number>/root` and `…/manifest` for each layer (bottom first, numbered from 0) that needs a fix layer
/// above it; the numbers of those. Sets the umask of the process to 0.
///
/// # Errors
/// `System`, `NoSpace`, and `BadArchive` for a damaged manifest.
pub fn fix(layers: &[FixLayer<'_>], target: BorrowedFd<'_>) -> Result<Vec<usize>, Failure> {
    credential::set_umask(0);
    let mut number = 0;
    make_fixes(layers, target, &mut number).map_err(|problem| problem.into_failure(&format!("number {number}"), None))
}

fn make_fixes(layers: &[FixLayer<'_>], target: BorrowedFd<'_>, number: &mut usize) -> Outcome<Vec<usize>> {
    let mut wanted = BTreeSet::new();
    for (index, layer) in layers.iter().enumerate() {
        *number = index;
        view::add_interesting(&parse(&read_manifest(layer.manifest.as_fd())?)?, &mut wanted);
    }
    let mut fixes = Vec::new();
    if wanted.is_empty() {
        return Ok(fixes);
    }
    let mut view = View::new(wanted);
    for (index, layer) in layers.iter().enumerate() {
        *number = index;
        let text = read_manifest(layer.manifest.as_fd())?;
        let found = view.add(&Layer::new(index, &parse(&text)?));
        let mut wrong: BTreeSet<Vec<u8>> = found.unmerged.into_iter().collect();
        for path in found.implied {
            let shown = view.shown(&path);
            if shown.is_plain() && attributes_of(layers, shown, &path)?.is_empty() {
                continue;
            }
            wrong.insert(path);
        }
        if !wrong.is_empty() {
            Maker { layers, view: &view }.make(&wrong, index, target)?;
            fixes.push(index);
        }
    }
    Ok(fixes)
}

struct Maker<'a> {
    layers: &'a [FixLayer<'a>],
    view: &'a View,
}

impl Maker<'_> {
    fn make(&self, wrong: &BTreeSet<Vec<u8>>, index: usize, target: BorrowedFd<'_>) -> Outcome<()> {
        let mut paths: BTreeSet<Vec<u8>> =
            wrong.iter().flat_map(|path| view::with_parents(path)).map(<[u8]>::to_vec).collect();
        paths.insert(Vec::new());
        let name = index.to_string();
        path::make_directory_at(target, name.as_bytes(), 0o755).map_err(failed)?;
        let place = path::open_at(target, name.as_bytes(), O_PATH | O_DIRECTORY | O_NOFOLLOW, 0).map_err(failed)?;
        path::make_directory_at(place.as_fd(), b"root", 0o755).map_err(failed)?;
        let root = path::open_at(place.as_fd(), b"root", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0).map_err(failed)?;
        // In this order parents come before their children: `a` before `a/b`.
        for path in paths.iter().filter(|path| !path.is_empty()) {
            inroot::make_directories(root.as_fd(), path, 0o755).map_err(failed)?;
        }
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
        let manifest = path::open_at(place.as_fd(), b"manifest", flags, 0o600).map_err(failed)?;
        let mut writer = Writer::new(manifest);
        for path in &paths {
            let shown = self.view.shown(path);
            let attributes = attributes_of(self.layers, shown, path)?;
            dress(root.as_fd(), path, (shown, &attributes)).map_err(failed)?;
            writer.write(&line(path, shown))?;
        }
        writer.flush()
    }
}

fn dress(root: BorrowedFd<'_>, path: &[u8], (shown, attributes): (&Shown, &Attributes)) -> SysResult<()> {
    let directory = open(root, path)?;
    // We made it as 0:0.
    if (shown.uid, shown.gid) != (0, 0) {
        path::change_owner(directory.as_fd(), (shown.uid, shown.gid))?;
    }
    path::change_mode(directory.as_fd(), shown.mode)?;
    for (name, value) in attributes {
        xattr::set(directory.as_fd(), name, value)?;
    }
    path::set_time(directory.as_fd(), shown.modified)
}

/// What the layer that says how the directory looks has set on it.
fn attributes_of(layers: &[FixLayer<'_>], shown: &Shown, path: &[u8]) -> Outcome<Attributes> {
    let read = || -> SysResult<Attributes> {
        let directory = open(layers[shown.layer].root, path)?;
        let mut attributes = Attributes::new();
        for name in xattr::list(directory.as_fd())? {
            let value = xattr::get(directory.as_fd(), &name)?.unwrap_or_default();
            if let Some(value) = attributes::kept(&name, &value) {
                let value = value.into_owned();
                attributes.push((name, value));
            }
        }
        Ok(attributes)
    };
    read().map_err(failed)
}

fn open(root: BorrowedFd<'_>, path: &[u8]) -> SysResult<OwnedFd> {
    let path = if path.is_empty() { b"." } else { path };
    inroot::open(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
}

fn line<'a>(path: &'a [u8], shown: &Shown) -> Line<'a> {
    Line {
        kind: LineKind::Directory,
        mode: shown.mode,
        uid: shown.uid,
        gid: shown.gid,
        size: 0,
        modified: shown.modified,
        checksum: None,
        path: path.into(),
        target: b"".into(),
        removed: false,
    }
}

fn failed(error: bunker_sys::SysError) -> Problem {
    Problem::system("making a fix layer")(error)
}

#[cfg(test)]
#[path = "fix/fix_test.rs"]
mod tests;
