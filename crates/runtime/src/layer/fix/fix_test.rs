use super::*;
use crate::layer::test_archive::{Item, dir, file, symlink};
use crate::layer::test_layer::{TestLayer, listing, unpack_items};
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Each layer's entries, bottom first → the fix layers' listings by number.
fn fixes(layers: &[Vec<Item>]) -> Vec<(usize, Vec<String>)> {
    fix_layers(layers).0
}

fn fix_layers(layers: &[Vec<Item>]) -> (Vec<(usize, Vec<String>)>, tempfile::TempDir) {
    let layers: Vec<TestLayer> = layers.iter().map(|items| unpack_items(items).expect("unpack")).collect();
    let roots: Vec<File> = layers.iter().map(TestLayer::open_root).collect();
    let given = layers.iter().zip(&roots).map(|(layer, root)| FixLayer {
        root: root.as_fd(),
        manifest: File::open(layer.manifest_path()).expect("manifest").into(),
    });
    let target = tempfile::tempdir().expect("a temporary directory");
    let numbers = fix(&given.collect::<Vec<_>>(), File::open(target.path()).expect("target").as_fd()).expect("fix");
    let made = fs::read_dir(target.path()).expect("list").count();
    assert_eq!(made, numbers.len());
    let shown =
        numbers.into_iter().map(|number| (number, listing(&target.path().join(number.to_string()).join("root"))));
    (shown.collect(), target)
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn a_directory_hidden_by_an_implied_one_is_shown_again() {
    let (made, target) = fix_layers(&[
        vec![dir("tmp").mode(0o1777).time(5_000_000), dir("var/lib").mode(0o700)],
        vec![file("tmp/x", "1"), file("var/lib/y", "2")],
    ]);
    assert_eq!(made, [(1, lines(&["d 755 .", "d 1777 tmp", "d 755 var", "d 700 var/lib"]))]);
    let root = target.path().join("1/root");
    assert_eq!(fs::metadata(root.join("tmp")).expect("stat").mtime(), 5_000_000);
    let manifest = fs::read_to_string(target.path().join("1/manifest")).expect("manifest");
    let paths: Vec<&str> = manifest.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(paths, [".", "tmp", "var", "var/lib"]);
}

#[test]
fn no_fix_is_made_where_nothing_is_wrong() {
    let cases: Vec<(&str, Vec<Vec<Item>>)> = vec![
        (
            "no implied directory",
            vec![vec![dir("tmp").mode(0o1777)], vec![dir("tmp").mode(0o1777), file("tmp/x", "1")]],
        ),
        ("an implied one that looks the same", vec![vec![dir("usr")], vec![file("usr/x", "1")]]),
        ("nothing below", vec![vec![dir("a").mode(0o700)], vec![file("b/x", "1")]]),
        ("a file below", vec![vec![file("a", "1").mode(0o600)], vec![file("a/x", "1")]]),
        ("a link below", vec![vec![dir("usr/bin").mode(0o711), symlink("bin", "usr/bin")], vec![file("bin/x", "1")]]),
        ("removed between", vec![vec![dir("a").mode(0o700)], vec![file(".wh.a", "")], vec![file("a/x", "1")]]),
        ("removed in the same layer", vec![vec![dir("a").mode(0o700)], vec![file("a/x", "1"), file(".wh.a", "")]]),
        (
            "in an emptied directory",
            vec![vec![dir("a/b").mode(0o700)], vec![file("a/.wh..wh..opq", ""), file("a/b/x", "1")]],
        ),
        ("under an opaque root", vec![vec![dir("a").mode(0o700)], vec![file(".wh..wh..opq", ""), file("a/x", "1")]]),
        (
            "under what became a file between",
            vec![vec![dir("a/b").mode(0o700)], vec![file("a", "1")], vec![file("a/b/x", "1")]],
        ),
        ("one layer alone", vec![vec![file("a/x", "1")]]),
        ("no layers", vec![]),
    ];
    for (name, layers) in cases {
        assert_eq!(fixes(&layers), [], "{name}");
    }
}

#[test]
fn looks_come_from_the_nearest_layer_that_describes() {
    let described = |mode| vec![dir("a").mode(mode)];
    let implied = |name: &str| vec![file(format!("a/{name}"), "1")];
    let first = lines(&["d 755 .", "d 700 a"]);
    let second = lines(&["d 755 .", "d 750 a"]);
    assert_eq!(fixes(&[described(0o700), implied("x"), implied("y")]), [(1, first.clone()), (2, first.clone())]);
    assert_eq!(
        fixes(&[described(0o700), implied("x"), described(0o750), implied("y")]),
        [(1, first.clone()), (3, second)]
    );
    // Emptied: the content below goes, the directory's looks stay.
    let emptied = vec![file("a/.wh..wh..opq", ""), file("a/x", "1")];
    assert_eq!(fixes(&[described(0o700), emptied]), [(1, first)]);
}

#[test]
fn attributes_alone_are_worth_a_fix() {
    let below = vec![dir("a").pax("SCHILY.xattr.user.k", "v")];
    let (made, target) = fix_layers(&[below, vec![file("a/x", "1")]]);
    assert_eq!(made, [(1, lines(&["d 755 .", "d 755 a"]))]);
    let directory = File::open(target.path().join("1/root/a")).expect("open");
    assert_eq!(xattr::get(directory.as_fd(), b"user.k").expect("get").as_deref(), Some(&b"v"[..]));
}

#[test]
fn directories_above_are_as_the_layers_show_them() {
    let layers = [
        vec![dir("a").mode(0o711), dir("a/b").mode(0o700), dir("a-b").mode(0o700)],
        vec![dir("a").mode(0o750), file("a/b/x", "1")],
    ];
    assert_eq!(fixes(&layers), [(1, lines(&["d 755 .", "d 750 a", "d 700 a/b"]))]);
}

#[test]
fn a_directory_with_whiteouts_of_nothing_gets_one_above_it_to_merge_with() {
    let whiteouts = || vec![dir("a").mode(0o750), file("a/.wh.gone", ""), file("a/there", "1")];
    let fixed = |number| (number, lines(&["d 755 .", "d 750 a"]));
    assert_eq!(fixes(&[whiteouts()]), [fixed(0)]);
    assert_eq!(fixes(&[vec![dir("b")], whiteouts()]), [fixed(1)]);
    // Merged with what is below: overlay hides them.
    assert_eq!(fixes(&[vec![dir("a")], whiteouts()]), []);
    let emptied = [whiteouts(), vec![file("a/.wh..wh..opq", "")]].concat();
    assert_eq!(fixes(&[vec![dir("a")], emptied]), [fixed(1)]);
    let below_emptied = vec![dir("a"), file("a/.wh..wh..opq", ""), dir("a/b"), file("a/b/.wh.gone", "")];
    assert_eq!(fixes(&[vec![dir("a/b")], below_emptied]), [(1, lines(&["d 755 .", "d 755 a", "d 755 a/b"]))]);
    assert_eq!(fixes(&[vec![file("a", "1")], whiteouts()]), [fixed(1)]);
    // In the root there is always the container's own.
    assert_eq!(fixes(&[vec![file(".wh.gone", "")]]), []);
}
