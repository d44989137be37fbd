use crate::failure::FailureCode;
use crate::layer::Limits;
use crate::layer::test_archive::{Item, archive, file, symlink};
use crate::layer::test_layer::{unpack_blob, unpack_items};

fn unpack_limited(items: &[Item], limits: Limits) -> Result<u64, String> {
    let plain = archive(items);
    match unpack_blob(&plain, &plain, limits) {
        Ok(layer) => Ok(layer.unpacked.entries),
        Err(failure) => {
            assert_eq!(failure.code, FailureCode::BadArchive);
            Err(failure.message)
        }
    }
}

#[test]
fn entries_are_bounded() {
    let items: Vec<_> = (0..10).map(|index| file(index.to_string(), "")).collect();
    let limited = |entries| unpack_limited(&items, Limits { entries, ..Limits::default() });
    assert_eq!(limited(11), Ok(10));
    assert_eq!(limited(10), Ok(10));
    assert!(limited(9).is_err_and(|message| message.contains(r#"entry "9": more than 9 entries"#)));
}

#[test]
fn bytes_are_bounded_in_the_archive_and_in_files() {
    // 512 + 1024 + 1024 bytes of archive.
    let items = [file("f", vec![b'x'; 1000])];
    let limited = |bytes| unpack_limited(&items, Limits { bytes, ..Limits::default() });
    assert_eq!(limited(2560), Ok(1));
    assert!(limited(2559).is_err_and(|message| message.contains("2559 plain")));
    // Holes count: a file is as long as it is.
    let hollow = |size: u64| file("f", "").pax("GNU.sparse.map", "0,0").pax("GNU.sparse.size", size.to_string());
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    assert_eq!(unpack_limited(&[hollow(1 << 20)], limits), Ok(1));
    assert!(unpack_limited(&[hollow((1 << 20) + 1)], limits).is_err_and(|message| message.contains("together more")));
    assert!(unpack_limited(&[hollow(1 << 19), hollow(1 << 19), hollow(1)], limits).is_err(), "replaced ones count too");
    let eight_eib = hollow(i64::MAX.cast_unsigned());
    assert!(unpack_items(&[eight_eib]).is_err_and(|failure| failure.message.contains("together more")));
}

#[test]
fn link_targets_are_bounded_together() {
    // 256 MiB of targets would be 70,000 links of 4,000 bytes: the limit is for the text in memory, tested there.
    let items: Vec<_> = (0..100).map(|index| symlink(index.to_string(), "t".repeat(4000))).collect();
    assert!(unpack_items(&items).is_ok());
}
