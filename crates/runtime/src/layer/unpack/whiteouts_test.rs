use super::check;
use crate::layer::test_archive::{Item, device, dir, file, hard, item, symlink};
use crate::layer::test_layer::unpack_items;
use std::time::Instant;

fn white(name: &str) -> Item {
    file(name, "")
}

#[test]
fn whiteouts_become_overlays_own() {
    check(vec![
        ("of a name", vec![dir("d"), white("d/.wh.x")], Ok(vec!["d 755 d", "w d/x"])),
        ("in the root", vec![white(".wh.x")], Ok(vec!["w x"])),
        ("twice", vec![white(".wh.x"), white(".wh.x")], Ok(vec!["w x"])),
        ("without its directory's entry", vec![white("a/b/.wh.x")], Ok(vec!["d 755 a", "d 755 a/b", "w a/b/x"])),
        (
            "through a link",
            vec![dir("d"), symlink("l", "/d"), white("l/.wh.x")],
            Ok(vec!["d 755 d", "w d/x", "l l -> /d"]),
        ),
        ("of a name that begins with a dot", vec![white(".wh..x")], Ok(vec!["w .x"])),
        ("as a link", vec![symlink(".wh.x", "y")], Ok(vec!["w x"])),
        ("as a directory", vec![dir(".wh.x")], Ok(vec!["w x"])),
        ("with data", vec![file(".wh.x", "data"), file("y", "1")], Ok(vec!["w x", "f 644 y = 1"])),
        ("of nothing", vec![white(".wh.")], Err("whiteout of no name")),
        ("of the directory itself", vec![white(".wh..")], Err("whiteout of no name")),
        ("of the directory above", vec![white("d/.wh...")], Err("whiteout of no name")),
        ("with something below", vec![file(".wh.a/b", "1")], Err("below a whiteout")),
        ("aufs's own", vec![dir(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", "1"), white(".wh..wh.aufs")], Ok(vec![])),
        ("of a file's child", vec![file("f", "1"), white("f/.wh.x")], Err("is a file")),
    ]);
}

#[test]
fn opaque_marks_become_overlays_own() {
    check(vec![
        ("on a directory", vec![dir("d"), white("d/.wh..wh..opq")], Ok(vec!["d 755 d opaque"])),
        (
            "before its children",
            vec![white("d/.wh..wh..opq"), file("d/x", "1")],
            Ok(vec!["d 755 d opaque", "f 644 d/x = 1"]),
        ),
        (
            "after its children",
            vec![file("d/x", "1"), white("d/.wh..wh..opq")],
            Ok(vec!["d 755 d opaque", "f 644 d/x = 1"]),
        ),
        ("before the directory", vec![white("d/.wh..wh..opq"), dir("d").mode(0o700)], Ok(vec!["d 700 d opaque"])),
        ("twice", vec![white("d/.wh..wh..opq"), white("d/.wh..wh..opq")], Ok(vec!["d 755 d opaque"])),
        ("as a directory", vec![dir("d"), dir("d/.wh..wh..opq")], Ok(vec!["d 755 d opaque"])),
        (
            "through a link",
            vec![dir("d"), symlink("l", "d"), white("l/.wh..wh..opq")],
            Ok(vec!["d 755 d opaque", "l l -> d"]),
        ),
        (
            "with a whiteout inside",
            vec![white("d/.wh..wh..opq"), white("d/.wh.x")],
            Ok(vec!["d 755 d opaque", "w d/x"]),
        ),
        ("gone with its directory", vec![white("d/.wh..wh..opq"), file("d", ""), dir("d")], Ok(vec!["d 755 d"])),
    ]);
    let layer = unpack_items(&[white(".wh..wh..opq"), file("x", "1")]).expect("unpack");
    assert!(layer.unpacked.opaque_root);
    assert_eq!(layer.listing(), ["d 755 . opaque", "f 644 x = 1"]);
}

#[test]
fn whiteouts_hide_lower_layers_and_never_this_one() {
    let white_x = white(".wh.x");
    let cases: Vec<(&str, Vec<Item>, Vec<&str>)> = vec![
        ("a file", vec![file("x", "1")], vec!["f 644 x = 1"]),
        ("a link", vec![symlink("x", "y")], vec!["l x -> y"]),
        ("a directory", vec![dir("x"), file("x/a", "1")], vec!["d 755 x opaque", "f 644 x/a = 1"]),
        ("an implied directory", vec![file("x/a", "1")], vec!["d 755 x opaque", "f 644 x/a = 1"]),
        ("a directory that was a file", vec![file("x", ""), dir("x")], vec!["d 755 x opaque"]),
        ("a device", vec![device("x")], vec!["w x"]),
    ];
    for (name, items, expected) in cases {
        for place in 0..=items.len() {
            let mut all = items.clone();
            all.insert(place, white_x.clone());
            let layer = unpack_items(&all).expect(name);
            assert_eq!(layer.listing()[1..], expected, "{name}, whiteout at {place}");
        }
    }
}

#[test]
fn the_manifest_tells_removed_from_emptied() {
    let items =
        [white(".wh.a"), dir("a"), white("b/.wh..wh..opq"), white("c/.wh.x"), hard("p", "lower"), white(".wh.p")];
    let layer = unpack_items(&items).expect("unpack");
    assert_eq!(layer.manifest_names(), ["i .", "d a", "o a removed", "i b", "o b", "i c", "w c/x", "H p lower"]);
}

#[test]
fn overlays_marks_cannot_be_smuggled() {
    let char_device = device("x").patch(329, "0000000\0").patch(337, "0000000\0");
    check(vec![
        ("a device 0:0", vec![char_device, item(b'4', "y")], Ok(vec![])),
        ("an attribute", vec![dir("d").pax("SCHILY.xattr.user.overlay.opaque", "y")], Ok(vec!["d 755 d"])),
        (
            "in the other spelling",
            vec![dir("d").pax("LIBARCHIVE.xattr.user.overlay.opaque", "eQ")],
            Ok(vec!["d 755 d"]),
        ),
        ("a redirect", vec![dir("d").pax("SCHILY.xattr.trusted.overlay.redirect", "/etc")], Ok(vec!["d 755 d"])),
    ]);
    let layer = unpack_items(&[device("a"), device("b"), device("a"), hard("c", "b")]).expect("unpack");
    assert_eq!(layer.unpacked.skipped_devices, 4);
    assert_eq!(layer.listing().len(), 1);
}

#[test]
fn many_marks_cost_no_more_than_files() {
    const COUNT: usize = 3_000;
    let time = |items: &[Item]| {
        let start = Instant::now();
        unpack_items(items).expect("unpack");
        start.elapsed()
    };
    let files: Vec<_> = (0..COUNT).map(|index| white(&format!("d/f{index}"))).collect();
    let same: Vec<_> = (0..COUNT).map(|_| white("d/.wh..wh..opq")).collect();
    let nested: Vec<_> = (0..COUNT).map(|index| white(&format!("d/d{index}/.wh..wh..opq"))).collect();
    let whiteouts: Vec<_> = (0..COUNT).map(|index| white(&format!("d/.wh.f{index}"))).collect();
    let plain = time(&files);
    for (name, items, factor) in [("the same", same, 2), ("nested", nested, 4), ("whiteouts", whiteouts, 2)] {
        let taken = time(&items);
        // Linear, with room for a busy machine; quadratic would be hundreds of times as long.
        assert!(taken < plain * factor * 5, "{name}: {taken:?}, files {plain:?}");
    }
}
