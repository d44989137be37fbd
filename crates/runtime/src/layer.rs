//! Layers: archive → directory, and what can be done to a layer's directory before it is committed.
//!
//! ```text
//! blob ──► decompress ──► tar ──► unpack ──► root/
//!  sha256   (pipeline)  sha256   (index, directories)  manifest
//! ```
//!
//! `unpack` turns one blob into one directory and its manifest; layers know nothing of their parents. `link` makes the hard
//! links into lower layers that `unpack` left pending, `fix` the directories that show what a lower layer says about a
//! directory that an upper one only implies. All of them get descriptors of directories that are nobody else's while they
//! work, and run in a process that can reach nothing else (`lockin`); still no path leads outside by their own doing.
//! Whiteouts become overlay's: character devices 0:0 and `user.overlay.opaque`, for mounts with `userxattr`.

pub(crate) mod attributes;
mod blob;
mod decompress;
mod directories;
mod fix;
mod index;
mod limits;
mod link;
mod manifest;
pub(crate) mod merged;
pub(crate) mod name;
mod owners;
mod pipeline;
pub(crate) mod problem;
pub(crate) mod tar;
mod unpack;

pub use fix::{FixLayer, fix};
pub use limits::Limits;
pub use link::{Link, Linked, link};
pub use owners::Owners;

use crate::failure::{Failure, FailureCode};
use blob::Blob;
use bunker_sys::credential;
use manifest::Writer;
use pipeline::{Hashed, Pipeline};
use problem::Problem;
use serde::Serialize;
use std::os::fd::{BorrowedFd, OwnedFd};
use tar::{Entry, Reader};
use unpack::Unpacker;

/// How much of a digest error messages show.
const SHORT_DIGEST: usize = "sha256:".len() + 12;

/// One layer to unpack.
pub struct Unpack<'a> {
    pub blob: OwnedFd,
    /// eventfd that counts the bytes appended to `blob`; `None`: it is complete.
    pub counter: Option<OwnedFd>,
    /// Of the blob.
    pub size: u64,
    /// `sha256:<hex>` of the blob.
    pub digest: &'a str,
    /// `sha256:<hex>` of the plain archive, if it is known.
    pub diff_id: Option<&'a str>,
    /// An empty directory that nobody else writes to.
    pub root: BorrowedFd<'a>,
    /// An empty file.
    pub manifest: OwnedFd,
    pub owners: &'a Owners,
    pub limits: Limits,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unpacked {
    pub diff_id: String,
    /// Of the plain archive.
    pub size: u64,
    /// Of the archive, extension headers aside.
    pub entries: u64,
    /// Lengths of its files together, holes included.
    pub unpacked_bytes: u64,
    pub skipped_devices: u64,
    /// Entries of other owners than the only id there is (single-id mode).
    pub squashed_owners: u64,
    pub implied_directories: u64,
    /// Hard links to lower layers: `link` must follow.
    pub pending_links: u64,
    /// Whiteouts, those in the root aside: `fix` must look at them.
    pub whiteouts: u64,
    /// Executables that change their caller's ids or capabilities.
    pub setuid: u64,
    /// The layer hides all lower ones; overlay does not look for the mark on a root, so they must not be mounted.
    pub opaque_root: bool,
}

/// Unpacks one layer. Sets the umask of the process to 0 and starts two threads.
///
/// # Errors
/// `BadArchive` for what breaks a rule or limit (`layer sha256:… entry "…": reason`), `DigestMismatch`, `NoSpace`, `System`.
/// What is in `root` is then incomplete.
pub fn unpack(job: Unpack<'_>) -> Result<Unpacked, Failure> {
    credential::set_umask(0);
    let layer = short(job.digest);
    let fail = |problem: Problem| problem.into_failure(&layer, None);
    let mut unpacker = Unpacker::new(job.root, job.owners, job.limits).map_err(fail)?;
    let blob = Blob::new(job.blob, job.counter, job.size);
    let (pipeline, chunks) = Pipeline::start(blob, job.diff_id == Some(job.digest), job.limits);
    let mut entry = Entry::default();
    let mut reader = Reader::new(chunks);
    let result = unpacker.run(&mut reader, &mut entry);
    // Tells the other threads that nothing more is wanted.
    drop(reader);
    let name = Some(entry.path.as_slice()).filter(|name| !name.is_empty());
    let hashed = match result {
        Ok(()) | Err(Problem::Archive(_) | Problem::Cut) => judge(pipeline, job.digest, &layer)?,
        // The other threads may be waiting for a download; the process ends now.
        Err(problem) => return Err(problem.into_failure(&layer, name)),
    };
    result.map_err(|problem| problem.into_failure(&layer, name))?;
    check_diff_id(&hashed.digest, job.diff_id, &layer)?;
    let mut writer = Writer::new(job.manifest);
    let summary = unpacker.finish(&mut writer).and_then(|summary| writer.flush().map(|()| summary)).map_err(fail)?;
    Ok(Unpacked {
        diff_id: format!("sha256:{}", hashed.digest),
        size: hashed.size,
        entries: summary.entries,
        unpacked_bytes: summary.bytes,
        skipped_devices: summary.skipped_devices,
        squashed_owners: summary.squashed_owners,
        implied_directories: summary.implied_directories,
        pending_links: summary.pending_links,
        whiteouts: summary.whiteouts,
        setuid: summary.setuid,
        opaque_root: summary.opaque_root,
    })
}

fn short(digest: &str) -> String {
    digest.chars().take(SHORT_DIGEST).collect()
}

/// Waits for the other threads. A blob that is not what was promised explains every other failure, so it comes first.
fn judge(pipeline: Pipeline, digest: &str, layer: &str) -> Result<Hashed, Failure> {
    let (produced, hashed) = pipeline.join().map_err(|problem| problem.into_failure(layer, None))?;
    if let Some(actual) = produced.digest.map(|hex| format!("sha256:{hex}")).filter(|actual| actual != digest) {
        let message = format!("layer {layer}: the blob's digest is {actual}, not {digest}");
        return Err(Failure::new(FailureCode::DigestMismatch, message));
    }
    match produced.outcome {
        // Cut: the parser refused the archive, and says why.
        Ok(()) | Err(Problem::Cut) => Ok(hashed),
        Err(problem) => Err(problem.into_failure(layer, None)),
    }
}

fn check_diff_id(hex: &str, promised: Option<&str>, layer: &str) -> Result<(), Failure> {
    match promised {
        Some(promised) if promised.strip_prefix("sha256:") != Some(hex) => {
            let message = format!("layer {layer}: its plain archive has digest sha256:{hex}, not {promised}");
            Err(Failure::new(FailureCode::DigestMismatch, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod test_archive;
#[cfg(test)]
mod test_layer;

#[cfg(test)]
#[path = "layer/layer_test.rs"]
mod tests;
