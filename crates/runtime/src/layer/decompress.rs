//! Compressed bytes → plain bytes. What the bytes say counts, not what the manifest's media type says, as for docker: so
//! the same bytes give the same layer wherever they come from. The diff id proves the result.
//!
//! gzip: any number of members, garbage after them is an error. zstd: any number of frames, skippable ones too, windows up
//! to 128 MiB (zstd's own limit), no dictionaries. Both decoders are pure Rust (the static target has no C compiler): of
//! gzip's, zlib-rs is 2.7 times as fast as miniz_oxide (745 against 270 MB/s); of zstd's, zrip 2 times as fast as ruzstd
//! (620 against 310 MB/s), and there is no unsafe code in it.

use super::blob::Blob;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, Read};
use zrip_decode::streaming::FrameDecoder;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Skippable frames: the first byte's low half is free.
const SKIPPABLE_FIRST: u8 = 0x50;
const SKIPPABLE_REST: &[u8] = &[0x2a, 0x4d, 0x18];

/// A decoder on top of the blob.
pub(crate) enum Plain {
    Gzip(Box<MultiGzDecoder<Box<Blob>>>),
    Zstd(Box<FrameDecoder<Box<Blob>>>),
    Stored(Box<Blob>),
}

impl Plain {
    /// Looks at the first bytes. `stored`: the digests say that the blob is the plain archive itself, whatever it looks
    /// like.
    pub(crate) fn new(mut blob: Box<Blob>, stored: bool) -> Self {
        // A blob that cannot be read will say so again at the first read.
        let start = blob.fill_buf().unwrap_or_default();
        let skippable =
            matches!(start, [first, rest @ ..] if first & 0xf0 == SKIPPABLE_FIRST && rest.starts_with(SKIPPABLE_REST));
        if stored {
            Self::Stored(blob)
        } else if start.starts_with(GZIP_MAGIC) {
            Self::Gzip(Box::new(MultiGzDecoder::new(blob)))
        } else if start.starts_with(ZSTD_MAGIC) || skippable {
            Self::Zstd(Box::new(FrameDecoder::with_limit(blob, usize::MAX)))
        } else {
            Self::Stored(blob)
        }
    }

    /// For error messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Zstd(_) => "zstd",
            Self::Stored(_) => "tar",
        }
    }

    pub(crate) fn into_blob(self) -> Box<Blob> {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.into_inner(),
            Self::Stored(blob) => blob,
        }
    }
}

impl Read for Plain {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read(target),
            Self::Zstd(decoder) => decoder.read(target),
            Self::Stored(blob) => blob.read(target),
        }
    }
}

#[cfg(all(test, any(bunker_fuzz, clippy)))]
#[path = "decompress_fuzz.rs"]
mod tests;
