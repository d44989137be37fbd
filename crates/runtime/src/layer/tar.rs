//! Tar archives as streams. Reading: ustar, V7, star, GNU (long names, base-256 numbers, old sparse files) and PAX (x and g
//! headers, sparse files 0.0, 0.1 and 1.0). Makes entries of bytes, touches no file. Where GNU tar and Go's reader
//! disagree about where an entry's data ends or what it is called, the archive is refused: that is how entries are smuggled.

mod extensions;
mod header;
mod number;
mod pax;
mod reader;
mod sparse;
mod writer;

pub(crate) use reader::{Input, Reader};
pub(crate) use sparse::Segment;
pub(crate) use writer::{Output, Writer};

use bunker_sys::path::FileTime;

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EntryKind {
    #[default]
    File,
    HardLink,
    Symlink,
    Directory,
    Fifo,
    /// Character or block.
    Device,
}

/// One entry; names as in the archive, nothing normalised. Reused from entry to entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: EntryKind,
    pub(crate) path: Vec<u8>,
    /// Of links.
    pub(crate) target: Vec<u8>,
    /// Permission bits, at most 07777.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) modified: FileTime,
    /// Length of the file, holes included.
    pub(crate) size: u64,
    /// Where a sparse file's data lies, in order; the rest are holes.
    pub(crate) sparse: Option<Vec<Segment>>,
    pub(crate) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

#[cfg(test)]
#[path = "tar/tar_test.rs"]
mod tests;
