//! Archives cut, changed and badly ended.

use super::*;
use proptest::prelude::*;

#[test]
fn an_archive_cut_anywhere_is_an_error_or_ends_between_entries() {
    let items = [dir("d"), file("d/f", vec![b'x'; 1500]), file("long".repeat(50), "y"), symlink("l", "t")];
    let whole: Vec<u8> = items.iter().flat_map(Item::bytes).collect();
    let mut ends = vec![0];
    for item in &items {
        ends.push(ends[ends.len() - 1] + item.bytes().len());
    }
    for cut in (0..whole.len()).step_by(64) {
        let result = read(&whole[..cut]);
        assert_eq!(result.is_ok(), ends.contains(&cut), "cut at {cut}: {result:?}");
    }
}

#[test]
fn the_end_is_the_end() {
    let garbage = [archive([&file("f", "")]), vec![b'x'; 3000], archive([&file("hidden", "")])].concat();
    assert_eq!(read(&garbage).expect("read"), ["File f"]);
    assert_eq!(read(&[]).expect("empty"), Vec::<String>::new());
    assert_eq!(read(&[0; BLOCK]).expect("one block"), Vec::<String>::new());
    assert!(read(&[0]).is_err());
    assert!(read(&[b'x'; BLOCK]).is_err_and(|text| text.contains("checksum")));
}

#[test]
fn a_header_changed_in_any_byte_is_refused() {
    let good = file("f", "").bytes();
    for offset in 0..BLOCK {
        // The last two bytes of the checksum field are only its end.
        if (154..156).contains(&offset) {
            continue;
        }
        let mut bad = good.clone();
        bad[offset] ^= 1;
        assert!(read(&bad).is_err(), "byte {offset}");
    }
}

#[test]
fn checksums_of_signed_characters_are_accepted() {
    let mut bytes = file(b"\xff\xff", "").bytes();
    let sum: i32 = bytes
        .iter()
        .enumerate()
        .map(|(index, byte)| if (148..156).contains(&index) { 32 } else { i32::from(byte.cast_signed()) })
        .sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert!(read(&bytes).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// Whatever is in it, and however it arrives (`read` compares two ways), an archive is read or refused.
    #[test]
    fn any_bytes_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..8),
    ) {
        let items = [
            dir("d"),
            file("d/f", "content").pax("path", "p").pax("SCHILY.xattr.user.a", "b"),
            sparse::v10_item(b"2\n10\n2\n50\n4\n", "100"),
            Item { kind: b'S', ..file("s", "") }.patch(257, "ustar  \0").patch(482, [1]),
            symlink("l", "t"),
            hard("h", "d/f"),
        ];
        let mut bytes = [extension(b'g', &record(b"uid", b"7")), extension(b'L', b"long\0"), archive(&items)].concat();
        for (place, value, signed) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
            let start = place / BLOCK * BLOCK;
            if signed {
                let mut block: [u8; BLOCK] = bytes[start..start + BLOCK].try_into().expect("a block");
                made::sign(&mut block);
                bytes[start..start + BLOCK].copy_from_slice(&block);
            }
        }
        let _ = read(&bytes);
    }
}

/// More when asked for a long run.
fn cases() -> u32 {
    if std::env::var_os("BUNKER_TEST_LONG").is_some() { 1_000_000 } else { 2000 }
}

/// Headers are signed anew where they are headers, so that changes get past the checksum.
#[cfg(any(bunker_fuzz, clippy))]
#[test]
fn under_the_fuzzer() {
    let items = [
        dir("d"),
        file("d/f", "content").pax("path", "p").pax("SCHILY.xattr.user.a", "b").pax("mtime", "-1.5"),
        sparse::v10_item(b"2\n10\n2\n50\n4\n", "100"),
        Item { kind: b'S', ..file("s", "") }.patch(257, "ustar  \0").patch(482, [1]),
        symlink("l", "t"),
        hard("h", "d/f"),
    ];
    let whole = [extension(b'g', &record(b"uid", b"7")), extension(b'L', b"long\0"), archive(&items)].concat();
    let seeds: Vec<_> = items.iter().map(|item| archive([item])).chain([whole]).collect();
    let words: [&[u8]; 12] = [
        b"ustar\x0000",
        b"ustar  \0",
        b"path=",
        b"linkpath=",
        b"size=",
        b"GNU.sparse.major=1",
        b"GNU.sparse.map=",
        b"SCHILY.xattr.",
        b"LIBARCHIVE.xattr.",
        b"hdrcharset=BINARY\n",
        b"777777777777",
        b"\x80\xff",
    ];
    crate::fuzz::run(&seeds, &words, |bytes| {
        let mut bytes = bytes.to_vec();
        for block in bytes.chunks_exact_mut(BLOCK).filter(|block| block[257..262] == *b"ustar") {
            made::sign(block.try_into().expect("a block"));
        }
        let _ = read(&bytes);
    });
}
