//! The manifest: what a layer's directory holds, as text beside it. For deep checks, for the fix layers of implied
//! directories, and for hard links into lower layers; written once when the layer is unpacked (`link` rewrites it), then
//! never changed. No lock: it lies in staging until it is complete.
//!
//! One line for each name, parents before their children, names of one directory in the order of their bytes:
//!
//! ```text
//! type mode uid gid size mtime checksum path [target]
//! d 755 0 0 0 1700000000.000000000 - usr/bin
//! f 4755 0 0 51208 1700000000.000000000 0123456789abcdef0123456789abcdef usr/bin/passwd
//! h 4755 0 0 51208 1700000000.000000000 0123456789abcdef0123456789abcdef usr/bin/pw usr/bin/passwd
//! l 777 0 0 4 1700000000.000000000 - usr/bin/awk mawk
//! ```
//!
//! Types: `d` directory that an entry describes, `i` one that is only implied, `f` file, `l` symbolic link, `h` further name
//! of the file, link or FIFO listed before as `target`, `p` FIFO, `w` whiteout, `H` hard link to the path `target` of a
//! lower layer (nothing is on disk yet), `o` the directory of the line before is opaque; its target is `removed` if a
//! whiteout of that very name said so (then lower layers' directory is gone, not only emptied).
//! Mode is octal, without the type. The time has nanoseconds, and a minus sign in front where it is before 1970. The
//! checksum is xxh3-128 of the content (holes as zeros) in hex, `-` where there is none. The root's path is `.`.
//! In paths and targets, bytes that are not printable ASCII, spaces and `%` are `%XX`.

mod reader;
mod writer;

pub(crate) use reader::lines;
pub(crate) use writer::Writer;

use bunker_sys::path::FileTime;
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    Directory,
    Implied,
    File,
    Symlink,
    HardLink,
    Fifo,
    Whiteout,
    Pending,
    Opaque,
}

const LETTERS: [(LineKind, u8); 9] = [
    (LineKind::Directory, b'd'),
    (LineKind::Implied, b'i'),
    (LineKind::File, b'f'),
    (LineKind::Symlink, b'l'),
    (LineKind::HardLink, b'h'),
    (LineKind::Fifo, b'p'),
    (LineKind::Whiteout, b'w'),
    (LineKind::Pending, b'H'),
    (LineKind::Opaque, b'o'),
];

/// Where the target would be: the directory was made opaque by a whiteout of its own name.
const REMOVED: &[u8] = b"removed";
/// The root's path.
const ROOT: &[u8] = b".";

/// One line. Paths are plain here; the root's is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) kind: LineKind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) modified: FileTime,
    pub(crate) checksum: Option<[u8; 16]>,
    pub(crate) path: Cow<'a, [u8]>,
    pub(crate) target: Cow<'a, [u8]>,
    /// Of `Opaque` lines.
    pub(crate) removed: bool,
}

#[cfg(test)]
#[path = "manifest/manifest_test.rs"]
mod tests;
