//! Names from archives, made relative to the layer's root: no `..`, no empty or `.` components, within the kernel's sizes.

use super::limits;
use super::problem::{Outcome, archive};

/// Whiteouts are entries whose last component begins so (OCI image spec, layer.md).
const WHITEOUT: &[u8] = b".wh.";
/// Says that the directory it lies in hides everything that lower layers have there.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// aufs kept its own bookkeeping under such names; docker drops them, so do we.
const AUFS: &[u8] = b".wh..wh.";

/// What a name is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    Root,
    /// An entry at this path.
    Plain(&'a [u8]),
    /// Lower layers' entry at `parent`/`name` is hidden. `parent` is empty for the root.
    Whiteout {
        parent: &'a [u8],
        name: &'a [u8],
    },
    /// All that lower layers have in this directory is hidden; empty: the root.
    Opaque(&'a [u8]),
    /// Bookkeeping of no interest.
    Skipped,
}

/// Cleans `raw` into `path` as text, as docker does (`a/../b` is `b` even where `a` is a link): empty for the root.
pub(crate) fn clean(raw: &[u8], path: &mut Vec<u8>) -> Outcome<()> {
    path.clear();
    if raw.len() > limits::PATH_BYTES {
        return archive(format!("path of {} bytes is longer than {}", raw.len(), limits::PATH_BYTES));
    }
    if raw.contains(&0) {
        return archive("path with a NUL");
    }
    for component in raw.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." if path.is_empty() => return archive("path leads out of the layer"),
            b".." => path.truncate(split(path).0.len()),
            _ if component.len() > limits::COMPONENT_BYTES => {
                return archive(format!(
                    "name of {} bytes is longer than {}",
                    component.len(),
                    limits::COMPONENT_BYTES
                ));
            }
            _ => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(component);
            }
        }
    }
    Ok(())
}

/// A clean path's parent (empty: the root) and last component.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// What a clean path means. Whiteout names are reserved by the OCI image spec: where they make no sense they are refused.
pub(crate) fn meaning(path: &[u8]) -> Outcome<Meaning<'_>> {
    if path.is_empty() {
        return Ok(Meaning::Root);
    }
    let (parent, name) = split(path);
    for component in parent.split(|byte| *byte == b'/') {
        if component.starts_with(AUFS) {
            return Ok(Meaning::Skipped);
        }
        if component.starts_with(WHITEOUT) {
            return archive("entry below a whiteout");
        }
    }
    if name == OPAQUE {
        return Ok(Meaning::Opaque(parent));
    }
    if name.starts_with(AUFS) {
        return Ok(Meaning::Skipped);
    }
    match name.strip_prefix(WHITEOUT) {
        None => Ok(Meaning::Plain(path)),
        Some(b"" | b"." | b"..") => archive("whiteout of no name"),
        Some(name) => Ok(Meaning::Whiteout { parent, name }),
    }
}

/// The file that says the same as a whiteout of this name, where none can be made.
pub(super) fn whiteout_file(name: &[u8]) -> Vec<u8> {
    [WHITEOUT, name].concat()
}

#[cfg(test)]
#[path = "name_test.rs"]
mod tests;
