//! From blob to verdict: compression, damage, digests, limits, and blobs that are still growing.

use super::test_archive::{Item, archive, dir, file};
use super::test_layer::{TestLayer, digest, unpack_blob, unpack_promised};
use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const MIB: usize = 1024 * 1024;

fn sample() -> Vec<u8> {
    let text: Vec<u8> =
        (0..40_000_u32).flat_map(|number| format!("line {}\n", number * 7919 % 10_007).into_bytes()).collect();
    let noise: Vec<u8> = (0..50_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    archive(&[dir("d"), file("d/text", &text), file("d/noise", &noise), file("empty", "")])
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(plain).expect("compress");
    encoder.finish().expect("compress")
}

/// A zstd frame of stored and run-length blocks, with this window descriptor.
fn zstd_frame(plain: &[u8], window: u8) -> Vec<u8> {
    let mut frame = [&ZSTD_MAGIC[..], &[0x00, window]].concat();
    let mut blocks: Vec<_> = plain.chunks(1024).collect();
    if blocks.is_empty() {
        blocks.push(b"");
    }
    for (index, block) in blocks.iter().enumerate() {
        let last = u32::from(index == blocks.len() - 1);
        frame.extend_from_slice(&((block.len() as u32) << 3 | last).to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    frame
}

fn skippable(length: u32) -> Vec<u8> {
    [&0x184d_2a53_u32.to_le_bytes()[..], &length.to_le_bytes(), &vec![0xee; length as usize]].concat()
}

/// zstd's own program, for real frames.
#[allow(clippy::print_stderr)]
fn zstd(plain: &[u8], options: &[&str]) -> Option<Vec<u8>> {
    let child =
        Command::new("zstd").args(["-q", "-c"]).args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no zstd program here");
        return None;
    };
    let mut input = child.stdin.take().expect("pipe");
    let plain = plain.to_vec();
    let feeder = std::thread::spawn(move || input.write_all(&plain));
    let output = child.wait_with_output().expect("zstd");
    feeder.join().expect("feeder").expect("feed");
    Some(output.stdout)
}

fn unpack_plainly(compressed: &[u8], plain: &[u8]) -> Result<TestLayer, Failure> {
    unpack_blob(compressed, plain, Limits::default())
}

#[track_caller]
fn refused(result: Result<TestLayer, Failure>, code: FailureCode, reason: &str) {
    let failure = result.err().expect("a failure");
    assert!(failure.code == code && failure.message.contains(reason), "{:?} {failure}", failure.code);
}

#[test]
fn every_form_gives_the_same_layer() {
    let plain = sample();
    let (first, second) = plain.split_at(plain.len() / 3);
    let mut forms = vec![
        ("plain", plain.clone()),
        ("gzip", gzip(&plain)),
        ("gzip, two members", [gzip(first), gzip(second)].concat()),
        ("gzip, empty members", [gzip(b""), gzip(&plain), gzip(b""), gzip(b"")].concat()),
        ("zstd", zstd_frame(&plain, 0x50)),
        ("zstd, two frames", [zstd_frame(first, 0x50), zstd_frame(second, 0x58)].concat()),
        ("zstd, skippable first", [skippable(5), zstd_frame(&plain, 0x50)].concat()),
        (
            "zstd, skippable between and last",
            [zstd_frame(first, 0x50), skippable(0), zstd_frame(second, 0), skippable(9)].concat(),
        ),
    ];
    for options in [&["-1"][..], &["-19"], &["--long=27", "-3"], &["-3", "--no-check"], &["-3", "--content-size"]] {
        forms.extend(zstd(&plain, options).map(|form| ("zstd program", form)));
    }
    let listing = unpack_plainly(&plain, &plain).expect("plain").listing();
    for (name, form) in forms {
        let layer = unpack_plainly(&form, &plain).expect(name);
        assert_eq!(layer.listing(), listing, "{name}");
        assert_eq!(
            (layer.unpacked.diff_id.as_str(), layer.unpacked.size),
            (digest(&plain).as_str(), plain.len() as u64),
            "{name}"
        );
    }
}

#[test]
fn the_bytes_say_what_they_are_and_the_digests_decide() {
    // A plain archive that begins like gzip: blob and plain digest are the same, so it is not.
    let polyglot = archive(&[file(b"\x1f\x8b\x08", "content")]);
    let layer = unpack_plainly(&polyglot, &polyglot).expect("plain");
    assert_eq!(layer.listing()[1..], [r"f 644 \x1f\x8b\x08 = content"]);
    // Compressed twice: what is inside is no archive.
    let twice = gzip(&gzip(&sample()));
    refused(unpack_plainly(&twice, &gzip(&sample())), FailureCode::BadArchive, "checksum");
    refused(unpack_plainly(b"<html>Not found</html>", &sample()), FailureCode::BadArchive, "ends within");
    refused(unpack_plainly(b"BZh91AY&SY", &sample()), FailureCode::BadArchive, "");
}

#[test]
fn a_blob_cut_anywhere_is_refused() {
    let plain = sample();
    for (name, whole) in [("gzip", gzip(&plain)), ("zstd", zstd_frame(&plain, 0x50)), ("plain", plain.clone())] {
        // The last two cuts of a plain archive take only its end marks.
        let steps = (0..whole.len() - 1100).step_by(whole.len() / 100).chain([1, 2, 3, 5, 9, 11, 17]);
        for cut in steps {
            let result = unpack_plainly(&whole[..cut], &plain);
            assert!(
                result.as_ref().is_err_and(|failure| matches!(
                    failure.code,
                    FailureCode::BadArchive | FailureCode::DigestMismatch
                )),
                "{name} cut at {cut}"
            );
        }
    }
    let compressed = gzip(&plain);
    for cut in 1..=8 {
        refused(unpack_plainly(&compressed[..compressed.len() - cut], &plain), FailureCode::BadArchive, "gzip");
    }
}

#[test]
fn damage_on_the_way_is_told_from_a_broken_archive() {
    let plain = sample();
    let whole = gzip(&plain);
    for place in [0, 3, 12, whole.len() / 2, whole.len() - 7, whole.len() - 2] {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        // With the digest of the whole one: it was damaged on the way.
        let promised = (digest(&whole), digest(&plain));
        let result = unpack_promised(&damaged, (&promised.0, &promised.1), Limits::default(), &Owners::all());
        refused(result, FailureCode::DigestMismatch, "digest is sha256:");
    }
    let mut wrong_sum = whole.clone();
    let end = wrong_sum.len();
    wrong_sum[end - 8] ^= 1;
    refused(unpack_plainly(&wrong_sum, &plain), FailureCode::BadArchive, "gzip");
    let mut wrong_length = whole.clone();
    wrong_length[end - 1] ^= 1;
    refused(unpack_plainly(&wrong_length, &plain), FailureCode::BadArchive, "gzip");
    refused(unpack_plainly(&[&whole[..], b"garbage"].concat(), &plain), FailureCode::BadArchive, "gzip");
    refused(unpack_plainly(&whole, b"something else"), FailureCode::DigestMismatch, "plain archive has digest");
}

#[test]
fn zstd_is_held_to_its_limits() {
    let plain = sample();
    // Exponent 17: 128 MiB. One more eighth is too much, and so is 2 GiB.
    assert!(unpack_plainly(&zstd_frame(&plain, 17 << 3), &plain).is_ok());
    for window in [17 << 3 | 1, 21 << 3, 0xff] {
        refused(unpack_plainly(&zstd_frame(&plain, window), &plain), FailureCode::BadArchive, "zstd");
    }
    let mut dictionary = zstd_frame(&plain, 0x50);
    dictionary.splice(4..6, [0x01, 0x50, 0x07]);
    refused(unpack_plainly(&dictionary, &plain), FailureCode::BadArchive, "zstd");
    let mut reserved = zstd_frame(&plain, 0x50);
    reserved[4] |= 0x08;
    refused(unpack_plainly(&reserved, &plain), FailureCode::BadArchive, "zstd");
    refused(
        unpack_plainly(&[zstd_frame(&plain, 0x50), b"garbage".to_vec()].concat(), &plain),
        FailureCode::BadArchive,
        "zstd",
    );
}

#[test]
fn many_empty_frames_and_members_take_no_time() {
    let plain = archive(&[file("f", "1")]);
    let frames =
        [skippable(0).repeat(100_000), zstd_frame(b"", 0x50).repeat(20_000), zstd_frame(&plain, 0x50)].concat();
    assert!(unpack_plainly(&frames, &plain).is_ok());
    let members = [gzip(b"").repeat(100_000), gzip(&plain)].concat();
    assert!(unpack_plainly(&members, &plain).is_ok());
}

#[test]
fn a_bomb_stops_where_it_becomes_one() {
    let bomb = |mib: usize| {
        let zeros = vec![0; MIB];
        let header = Item { data: Vec::new(), ..file("zeros", "") }
            .size_field(super::test_archive::number((mib * MIB) as u64, 12))
            .bytes();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(9));
        encoder.write_all(&header).expect("compress");
        (0..mib).for_each(|_| encoder.write_all(&zeros).expect("compress"));
        encoder.write_all(&[0; 1024]).expect("compress");
        encoder.finish().expect("compress")
    };
    let limited = |compressed: &[u8], ratio| {
        let limits = Limits { ratio, ..Limits::default() };
        let nothing = digest(b"");
        unpack_promised(compressed, (&digest(compressed), &nothing), limits, &Owners::all())
    };
    // gzip reaches about 1030:1, so 1000:1 is passed, but below 100 MiB that is harmless.
    refused(limited(&bomb(99), 1000), FailureCode::DigestMismatch, "plain archive");
    let large = bomb(110);
    refused(limited(&large, 1000), FailureCode::BadArchive, "1000 times as many");
    refused(limited(&large, 1100), FailureCode::DigestMismatch, "plain archive");
    // Two in one another: the outer one is the layer's, the inner is only a file.
    let nested = gzip(&large);
    refused(limited(&nested, 1000), FailureCode::BadArchive, "checksum");
}

/// A blob that appears piece by piece.
fn growing(pieces: &[&[u8]], promised: &[u8], stop: bool) -> Result<Unpacked, Failure> {
    let base = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(base.path().join("root")).expect("root");
    let mut writer = File::create(base.path().join("blob")).expect("blob");
    // A pipe stands for the event counter: it is readable when something was appended, and ends when the writer does.
    let (counter, announce) = bunker_sys::file::pipe().expect("pipe");
    let root = File::open(base.path().join("root")).expect("root");
    let job = Unpack {
        blob: File::open(base.path().join("blob")).expect("blob").into(),
        counter: Some(counter),
        size: promised.len() as u64,
        digest: &digest(promised),
        diff_id: None,
        root: root.as_fd(),
        manifest: File::create(base.path().join("manifest")).expect("manifest").into(),
        owners: &Owners::all(),
        limits: Limits::default(),
    };
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for piece in pieces {
                std::thread::sleep(std::time::Duration::from_millis(20));
                writer.write_all(piece).expect("append");
                bunker_sys::file::write_all(announce.as_fd(), &1_u64.to_ne_bytes()).expect("announce");
            }
            if !stop {
                std::thread::sleep(std::time::Duration::from_secs(20));
            }
        });
        unpack(job)
    })
}

#[test]
fn a_growing_blob_is_unpacked_as_it_comes() {
    let plain = sample();
    let whole = gzip(&plain);
    let pieces: Vec<&[u8]> = whole.chunks(whole.len() / 5).collect();
    let unpacked = growing(&pieces, &whole, true).expect("unpack");
    assert_eq!(unpacked.diff_id, digest(&plain));
    assert_eq!(unpacked.entries, 4);
    let failure = growing(&pieces[..3], &whole, true).expect_err("a blob that stops growing");
    assert!(failure.message.contains("the blob ends after"), "{failure}");
}

#[test]
fn a_layer_of_nothing_is_a_layer() {
    for plain in [&b""[..], &[0; 512], &[0; 1024], &[0; 10240]] {
        let layer = unpack_plainly(plain, plain).expect("empty layer");
        assert_eq!(layer.listing(), ["d 755 ."]);
        assert_eq!(unpack_plainly(&gzip(plain), plain).expect("empty layer").unpacked.size, plain.len() as u64);
    }
    refused(unpack_plainly(&[1], &[1]), FailureCode::BadArchive, "ends within");
}
