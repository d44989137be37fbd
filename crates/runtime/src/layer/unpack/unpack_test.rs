//! What entries make of a directory, one table per group of `security.md`'s cases: names, links, whiteouts, types, owners.

#[path = "contents_test.rs"]
mod contents;
#[path = "limits_test.rs"]
mod limits;
#[path = "links_test.rs"]
mod links;
#[path = "model_test.rs"]
mod model;
#[path = "whiteouts_test.rs"]
mod whiteouts;

use crate::failure::FailureCode;
use crate::layer::test_archive::{Item, dir, file, hard, symlink};
use crate::layer::test_layer::unpack_items;

/// What is unpacked, and either the listing below the root or a part of the error.
pub(super) type Case<'a> = (&'a str, Vec<Item>, Result<Vec<&'a str>, &'a str>);

pub(super) fn check(cases: Vec<Case<'_>>) {
    for (name, items, expected) in cases {
        match (unpack_items(&items), expected) {
            (Ok(layer), Ok(lines)) => {
                let listing = layer.listing();
                assert_eq!(&listing[1..], lines, "{name}");
            }
            (Err(failure), Err(reason)) => {
                assert_eq!(failure.code, FailureCode::BadArchive, "{name}: {failure}");
                assert!(failure.message.contains(reason), "{name}: {failure}");
                assert!(failure.message.starts_with("layer sha256:"), "{name}: {failure}");
            }
            (result, expected) => panic!("{name}: {:?}, expected {expected:?}", result.map(|layer| layer.listing())),
        }
    }
}

#[test]
fn names_stay_inside_or_are_refused() {
    let long = "n".repeat(255);
    let (long_line, too_long) = (format!("f 644 {long} = 1"), "n".repeat(256));
    check(vec![
        ("up", vec![file("../x", "1")], Err(r#"entry "../x": path leads out"#)),
        ("up in the middle", vec![file("a/../../x", "1")], Err("leads out")),
        ("absolute up", vec![file("/../x", "1")], Err("leads out")),
        ("two dots", vec![dir("..")], Err("leads out")),
        ("absolute", vec![file("/abs", "1")], Ok(vec!["f 644 abs = 1"])),
        ("two slashes", vec![file("//abs", "1")], Ok(vec!["f 644 abs = 1"])),
        ("dots and slashes", vec![file("./././x", "1")], Ok(vec!["f 644 x = 1"])),
        ("down and up", vec![file("a/../x", "1")], Ok(vec!["f 644 x = 1"])),
        ("control characters", vec![file("a\n\x1b[31mb", "1")], Ok(vec![r"f 644 a\n\x1b[31mb = 1"])),
        ("not UTF-8", vec![file(b"\xff\xed\xa0\x80\xe9", "1")], Ok(vec![r"f 644 \xff\xed\xa0\x80\xe9 = 1"])),
        (
            "composed, decomposed and other case",
            vec![file("\u{e9}", "1"), file("e\u{301}", "2"), file("E\u{301}", "3")],
            Ok(vec![r"f 644 E\xcc\x81 = 3", r"f 644 e\xcc\x81 = 2", r"f 644 \xc3\xa9 = 1"]),
        ),
        (
            "trailing dots and spaces",
            vec![file("x. ", "1"), file("x...", "2")],
            Ok(vec!["f 644 x.  = 1", "f 644 x... = 2"]),
        ),
        ("NUL", vec![file("x", "1").pax("path", "a\0b")], Err("NUL")),
        ("255 bytes", vec![file(&long, "1")], Ok(vec![&long_line])),
        ("256 bytes", vec![file(too_long, "1")], Err("256 bytes is longer")),
        ("4097 bytes", vec![file("a/".repeat(2048) + "b", "1")], Err("4097 bytes is longer")),
        ("65000 bytes", vec![file("a".repeat(65_000), "1")], Err("65000 bytes is longer")),
        ("our own name beside the root", vec![file("../manifest", "1")], Err("leads out")),
        ("a sibling's prefix", vec![file("../root-evil/x", "1")], Err("leads out")),
        ("a file with a slash", vec![file("x/", "")], Ok(vec!["d 644 x"])),
        ("overlay's own names", vec![file("#wh", "1"), file("#1a", "2")], Ok(vec!["f 644 #1a = 2", "f 644 #wh = 1"])),
    ]);
}

#[test]
fn the_root_is_a_directory_whatever_is_said() {
    for name in [".", "./", "/", "", "/.", "a/..", "./."] {
        for item in [file(name, ""), symlink(name, "/tmp"), hard(name, "x")] {
            // A file with a slash at its end is a directory.
            if item.kind == b'0' && name.ends_with('/') {
                continue;
            }
            let failure = unpack_items(std::slice::from_ref(&item)).err().expect(name);
            assert!(failure.message.contains("root of a layer"), "{name}: {failure}");
        }
        let layer = unpack_items(&[dir(name).mode(0o1711), file("x", "1")]).expect(name);
        assert_eq!(layer.listing(), ["d 1711 .", "f 644 x = 1"], "{name}");
    }
    let layer = unpack_items(&[file("x", "1")]).expect("no root entry");
    assert_eq!(layer.listing()[0], "d 755 .");
    assert_eq!(layer.manifest_names(), ["i .", "f x"]);
}

#[test]
fn very_deep_trees_are_made_and_listed() {
    let deep = "d/".repeat(2047) + "x";
    let layer = unpack_items(&[file(&deep, "1").mode(0o600)]).expect("4095 bytes");
    let names = layer.manifest_names();
    assert_eq!(names.len(), 2049);
    assert_eq!(names[2048], format!("f {deep}"));
    assert_eq!(layer.unpacked.implied_directories, 2047);
    // Links could lead deeper than any path; a lookup may not take longer than that of a path either.
    let far = |length: usize| {
        [
            dir("d/".repeat(1000)),
            symlink("a", "d/".repeat(1000)),
            symlink("b", "/a/".to_owned() + &"e/".repeat(length)),
            file("b/x", "1"),
        ]
    };
    assert!(unpack_items(&far(1000)).is_ok());
    assert!(unpack_items(&far(1100)).is_err_and(|failure| failure.message.contains("once its links are followed")));
    let winding = [dir("d"), symlink("l", "d/../".repeat(800) + "d"), file("l/x", "1")];
    assert!(unpack_items(&winding).is_ok());
    let more = [symlink("m", "l/../".repeat(3)), file("m/y", "1")];
    let failure = unpack_items(&[winding.to_vec(), more.to_vec()].concat()).err().expect("winding three times");
    assert!(failure.message.contains("too many directories"), "{failure}");
}
