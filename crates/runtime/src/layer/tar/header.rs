//! The 512-byte header block: fields where the formats keep them, and its checksum.

use super::super::problem::{Outcome, archive};
use super::number;
use bunker_sys::path::FileTime;
use std::ops::Range;

pub(super) const BLOCK: usize = 512;

pub(super) const NAME: Range<usize> = 0..100;
pub(super) const MODE: Range<usize> = 100..108;
pub(super) const UID: Range<usize> = 108..116;
pub(super) const GID: Range<usize> = 116..124;
pub(super) const SIZE: Range<usize> = 124..136;
pub(super) const MODIFIED: Range<usize> = 136..148;
pub(super) const CHECKSUM: Range<usize> = 148..156;
pub(super) const TYPE: usize = 156;
pub(super) const LINK: Range<usize> = 157..257;
pub(super) const MAGIC: Range<usize> = 257..265;
const GNU_MAGIC: &[u8] = b"ustar  \0";
const PREFIX: Range<usize> = 345..500;
/// star keeps access and change time behind a shorter prefix, and signs at the end.
const STAR_PREFIX: Range<usize> = 345..476;
const STAR_SIGN: Range<usize> = 508..512;
/// Old GNU: access time, change time, …, four sparse segments, "more follow", and the real size.
const GNU_ACCESS_TIME: Range<usize> = 345..357;
const GNU_CHANGE_TIME: Range<usize> = 357..369;
const GNU_SEGMENTS: Range<usize> = 386..482;
const GNU_EXTENDED: usize = 482;
const GNU_REAL_SIZE: Range<usize> = 483..495;
/// A block of further segments: 21 of them, then "more follow".
const MORE_SEGMENTS: Range<usize> = 0..504;
const MORE_EXTENDED: usize = 504;

/// Highest id that is one: 2^32-1 means "no change" to chown(2).
const HIGHEST_ID: i64 = u32::MAX as i64 - 1;

/// A header block whose checksum is right.
pub(super) struct Header {
    block: [u8; BLOCK],
}

impl Header {
    pub(super) fn new(block: [u8; BLOCK]) -> Outcome<Self> {
        let wanted = number::field(&block[CHECKSUM], "checksum")?;
        let mut sums = (0_i64, 0_i64);
        for (index, byte) in block.iter().enumerate() {
            let byte = if CHECKSUM.contains(&index) { b' ' } else { *byte };
            sums.0 += i64::from(byte);
            // Some old writers summed signed characters.
            sums.1 += i64::from(byte.cast_signed());
        }
        if wanted != sums.0 && wanted != sums.1 {
            return archive("header checksum is wrong");
        }
        Ok(Self { block })
    }

    pub(super) fn kind(&self) -> u8 {
        self.block[TYPE]
    }

    pub(super) fn size(&self) -> Outcome<u64> {
        number::unsigned(&self.block[SIZE], "size")
    }

    pub(super) fn mode(&self) -> Outcome<u32> {
        const BITS: i64 = 0o7777;
        let mode = number::field(&self.block[MODE], "mode")? & BITS;
        Ok(u32::try_from(mode).unwrap_or(0))
    }

    pub(super) fn uid(&self) -> Outcome<u32> {
        id(number::field(&self.block[UID], "uid")?, "uid")
    }

    pub(super) fn gid(&self) -> Outcome<u32> {
        id(number::field(&self.block[GID], "gid")?, "gid")
    }

    pub(super) fn modified(&self) -> Outcome<FileTime> {
        Ok(FileTime { seconds: number::field(&self.block[MODIFIED], "mtime")?, nanoseconds: 0 })
    }

    pub(super) fn link(&self) -> &[u8] {
        text(&self.block[LINK])
    }

    /// The path, from both its fields.
    pub(super) fn write_path(&self, path: &mut Vec<u8>) {
        path.clear();
        let prefix = self.prefix();
        if !prefix.is_empty() {
            path.extend_from_slice(prefix);
            path.push(b'/');
        }
        path.extend_from_slice(text(&self.block[NAME]));
    }

    fn prefix(&self) -> &[u8] {
        match &self.block[MAGIC] {
            [b'u', b's', b't', b'a', b'r', 0, ..] if &self.block[STAR_SIGN] == b"tar\0" => {
                text(&self.block[STAR_PREFIX])
            }
            [b'u', b's', b't', b'a', b'r', 0, ..] => text(&self.block[PREFIX]),
            magic if magic == GNU_MAGIC && !self.has_gnu_times() => {
                // Writers in Go before 1.8 put a prefix here under GNU's magic; Go's reader still accepts it.
                let prefix = text(&self.block[PREFIX]);
                if prefix.is_ascii() { prefix } else { b"" }
            }
            _ => b"",
        }
    }

    fn has_gnu_times(&self) -> bool {
        [GNU_ACCESS_TIME, GNU_CHANGE_TIME].into_iter().all(|field| number::field(&self.block[field], "time").is_ok())
    }

    /// Old GNU sparse files: the segments here, whether a block with more follows, and the file's length. star has the
    /// same type in another layout.
    pub(super) fn gnu_sparse(&self) -> Outcome<(&[u8], bool, u64)> {
        if &self.block[MAGIC] != GNU_MAGIC {
            return archive("sparse file in a format that has none");
        }
        let length = number::unsigned(&self.block[GNU_REAL_SIZE], "real size")?;
        Ok((&self.block[GNU_SEGMENTS], self.block[GNU_EXTENDED] != 0, length))
    }
}

/// The segments in a block that follows an old GNU sparse header, and whether another one follows.
pub(super) fn more_segments(block: &[u8; BLOCK]) -> (&[u8], bool) {
    (&block[MORE_SEGMENTS], block[MORE_EXTENDED] != 0)
}

/// An id that chown(2) can take.
pub(super) fn id(value: i64, what: &str) -> Outcome<u32> {
    match u32::try_from(value) {
        Ok(id) if value <= HIGHEST_ID => Ok(id),
        _ => archive(format!("{what} {value} is out of range")),
    }
}

/// A field of text ends at its first NUL, or is full.
pub(super) fn text(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|byte| *byte == 0).unwrap_or(field.len())]
}
