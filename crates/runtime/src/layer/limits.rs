//! What a layer may cost. Numbers that no honest layer comes near; each stops a hostile one early.

use serde::Deserialize;

const MIB: u64 = 1024 * 1024;

/// The limits that the request sets.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    pub entries: u64,
    /// Of the archive itself, and of all files' lengths together (holes included).
    pub bytes: u64,
    /// Plain bytes for each compressed byte, once there are more than `RATIO_FROM` plain ones.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 5_000_000, bytes: 256 * 1024 * MIB, ratio: 1000 }
    }
}

/// Below this much, a high ratio is harmless (a layer of zeros is).
pub(crate) const RATIO_FROM: u64 = 100 * MIB;

/// All extension headers (PAX, GNU long names) of one entry together.
pub(crate) const METADATA_BYTES: u64 = MIB;
/// Extension headers before one entry.
pub(crate) const EXTENSION_HEADERS: u32 = 16;
/// PATH_MAX: no system call takes a longer path.
pub(crate) const PATH_BYTES: usize = 4096;
/// NAME_MAX of every file system that matters.
pub(crate) const COMPONENT_BYTES: usize = 255;
pub(crate) const ATTRIBUTES: usize = 128;
/// The kernel's XATTR_NAME_MAX and XATTR_SIZE_MAX.
pub(crate) const ATTRIBUTE_NAME_BYTES: usize = 255;
pub(crate) const ATTRIBUTE_VALUE_BYTES: usize = 64 * 1024;
pub(crate) const SPARSE_SEGMENTS: usize = 10_000;

/// Links followed for one path, as in the kernel (path_resolution(7)).
pub(crate) const LINKS_FOLLOWED: u32 = 40;
/// Components walked for one path, those of followed links included: twice what a path can have.
pub(crate) const STEPS: u32 = 4096;
/// Names and link targets of one layer, kept in memory until its manifest is written.
pub(crate) const TEXT_BYTES: usize = 256 * 1024 * 1024;
/// The manifest file: 5 million entries with names of usual length.
pub(crate) const MANIFEST_BYTES: u64 = 1024 * MIB;
/// Zeros of holes that go into checksums, of one layer; a file beyond that has no checksum in the manifest.
pub(crate) const HASHED_HOLES: u64 = 16 * 1024 * MIB;
/// Of the free space, this part is left to others.
pub(crate) const SPACE_LEFT_PERCENT: u64 = 5;
