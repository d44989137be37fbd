//! The decoders, fed with damaged frames: they end, with data or an error, and never give more than was asked for.

use super::*;
use bunker_sys::file;
use flate2::Compression;
use flate2::read::GzEncoder;
use std::os::fd::AsFd;

/// A bomb is stopped by whoever counts what comes out; here by us.
const ENOUGH: u64 = 1 << 20;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    GzEncoder::new(plain, Compression::default()).read_to_end(&mut packed).expect("packs");
    packed
}

#[test]
fn under_the_fuzzer() {
    // zstd: a frame of one raw block, one of a repeated byte, and a skippable one before them.
    let raw = b"\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello";
    let repeated = b"\x28\xb5\x2f\xfd\x20\x40\x03\x02\x00x";
    let skippable = b"\x50\x2a\x4d\x18\x02\x00\x00\x00ab";
    let members = [gzip(b"hello, hello, hello"), gzip(&[7; 3000]), [gzip(b"a"), gzip(b"b")].concat()];
    let frames = [raw.to_vec(), repeated.to_vec(), [&skippable[..], raw, repeated].concat()];
    let seeds: Vec<_> = members.into_iter().chain(frames).collect();
    let words: [&[u8]; 4] = [b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\x1f\x8b\x08\x00", b"\xff\xff\xff\xff"];
    crate::fuzz::run(&seeds, &words, |bytes| {
        let memory = file::memory_file(c"blob").expect("memory");
        bunker_sys::path::write_at(memory.as_fd(), bytes, 0).expect("write");
        let size = bytes.len() as u64;
        let mut plain = Plain::new(Box::new(Blob::new(memory, None, size)), false);
        let _ = std::io::copy(&mut (&mut plain).take(ENOUGH), &mut std::io::sink());
    });
}
