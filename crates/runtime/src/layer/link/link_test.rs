use super::*;
use crate::layer::test_archive::{Item, dir, file, hard, symlink};
use crate::layer::test_layer::{TestLayer, is_root, unpack_items};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Unpacks a layer and makes its links from those below, the topmost first.
fn linked(items: &[Item], below: &[&TestLayer]) -> Result<(TestLayer, Linked), Failure> {
    let layer = unpack_items(items).expect("unpack");
    let roots: Vec<File> = below.iter().map(|layer| layer.open_root()).collect();
    let parents: Vec<_> = roots.iter().map(AsFd::as_fd).collect();
    let manifest = File::options().read(true).write(true).open(layer.manifest_path()).expect("manifest");
    let root = layer.open_root();
    let done = link(Link {
        layer: &layer.unpacked.diff_id,
        root: root.as_fd(),
        manifest: manifest.into(),
        parents: &parents,
    })?;
    Ok((layer, done))
}

fn lower(items: &[Item]) -> TestLayer {
    unpack_items(items).expect("lower layer")
}

#[test]
fn links_become_copies_with_all_that_belongs_to_them() {
    let owner = if is_root() { (3, 4) } else { (0, 0) };
    let original =
        file("a", "content").mode(0o4750).owner(owner.0, owner.1).time(1_000_000).pax("SCHILY.xattr.user.k", "v");
    let below = lower(&[original, symlink("l", "target")]);
    let items = [dir("d").time(2_000_000), hard("d/b", "a"), hard("d/c", "/d/b"), hard("d/m", "l")];
    let (layer, done) = linked(&items, &[&below]).expect("link");
    assert_eq!(done, Linked { links: 3, bytes: 7 });
    let shown = if owner == (0, 0) { "" } else { " @3:4" };
    let expected = [
        "d 755 d".to_owned(),
        format!("f 4750 d/b{shown} = content x2"),
        format!("f 4750 d/c{shown} = content x2"),
        "l d/m -> target".to_owned(),
    ];
    assert_eq!(layer.listing()[1..], expected);
    assert_eq!(layer.manifest_names(), ["i .", "d d", "f d/b", "h d/c d/b", "l d/m target"]);
    let status = |path: &str| std::fs::symlink_metadata(layer.root().join(path)).expect("stat");
    assert_eq!((status("d").mtime(), status("d/b").mtime()), (2_000_000, 1_000_000));
    let copy = File::open(layer.root().join("d/b")).expect("open");
    assert_eq!(bunker_sys::xattr::get(copy.as_fd(), b"user.k").expect("get").as_deref(), Some(&b"v"[..]));
    // Not the same file: what happens to one does not show in the other.
    assert_ne!(status("d/b").ino(), std::fs::metadata(below.root().join("a")).expect("stat").ino());
    let line = layer.manifest().lines().find(|line| line.ends_with(" d/b")).map(str::to_owned).expect("line");
    assert!(line.contains(&format!("{:032x}", xxhash_rust::xxh3::xxh3_128(b"content"))), "{line}");
}

#[test]
fn targets_are_looked_up_in_the_merged_view() {
    let bottom = lower(&[
        file("a", "bottom"),
        file("d/x", "bottom x"),
        file("gone", "1"),
        file("e/f", "1"),
        file("r/x", "in r"),
    ]);
    let middle = lower(&[file("d/y", "middle y"), symlink("s", "d"), symlink("abs", "/r/../d"), file(".wh.gone", "")]);
    let top = lower(&[file("a", "top"), file("e/.wh..wh..opq", "")]);
    let found = |target: &str| {
        linked(&[hard("h", target)], &[&top, &middle, &bottom]).map(|(layer, _)| layer.listing()[1].clone())
    };
    let cases = [
        ("a", Some("top")),
        ("d/x", Some("bottom x")),
        ("d/y", Some("middle y")),
        ("s/x", Some("bottom x")),
        ("abs/y", Some("middle y")),
        ("gone", None),
        ("e/f", None),
        ("d", None),
        ("a/x", None),
        ("nothing", None),
    ];
    for (target, content) in cases {
        let result = found(target);
        match content {
            Some(content) => assert_eq!(result.expect(target), format!("f 644 h = {content}")),
            None => {
                let failure = result.expect_err(target);
                assert_eq!(failure.code, crate::FailureCode::BadArchive);
                assert!(failure.message.contains(r#"entry "h""#) && failure.message.contains(target), "{failure}");
            }
        }
    }
}

#[test]
fn nothing_shows_through_an_opaque_root_or_a_removed_directory() {
    let bottom = lower(&[file("a", "1"), file("d/x", "1")]);
    let opaque = lower(&[file(".wh..wh..opq", "")]);
    assert!(linked(&[hard("h", "a")], &[&opaque, &bottom]).is_err());
    let removed = lower(&[file(".wh.d", ""), file("d/y", "2")]);
    assert!(linked(&[hard("h", "d/x")], &[&removed, &bottom]).is_err());
    assert!(linked(&[hard("h", "d/y")], &[&removed, &bottom]).is_ok());
    let covered = lower(&[file("d", "a file")]);
    assert!(linked(&[hard("h", "d/x")], &[&covered, &bottom]).is_err());
}

#[test]
fn links_of_a_layer_below_never_lead_outside() {
    let outside = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(outside.path().join("canary"), "secret").expect("canary");
    let absolute = outside.path().to_str().expect("path").to_owned();
    let below =
        lower(&[symlink("abs", &absolute), symlink("up", "../../../../../../../../.."), symlink("loop", "loop")]);
    for target in ["abs/canary".to_owned(), format!("up{absolute}/canary"), "loop/x".to_owned()] {
        assert!(linked(&[hard("h", &target)], &[&below]).is_err(), "{target}");
    }
}

#[test]
fn sparse_files_stay_sparse() {
    let size = 32 * 1024 * 1024;
    let below = lower(&[file("s", "abc").pax("GNU.sparse.map", "1048576,3").pax("GNU.sparse.size", size.to_string())]);
    let (layer, _) = linked(&[hard("h", "s")], &[&below]).expect("link");
    let status = std::fs::metadata(layer.root().join("h")).expect("stat");
    assert_eq!(status.len(), size);
    assert!(status.blocks() * 512 < 1024 * 1024);
    let checksum =
        |layer: &TestLayer| layer.manifest().lines().nth(1).and_then(|line| line.split(' ').nth(6).map(str::to_owned));
    assert_eq!(checksum(&layer), checksum(&below));
}
