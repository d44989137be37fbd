use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use bunker_sys::{path, xattr};

use super::{Change, Kind, Sides, changes};

fn write(layer: &Path, name: &str, content: &str) {
    let path = layer.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
    fs::write(path, content).expect("a file");
}

fn open(directory: &Path) -> OwnedFd {
    File::open(directory).expect("a directory").into()
}

fn found(own: &Path, layers: &[&Path], complete: bool) -> Vec<(Kind, String)> {
    let layers: Vec<OwnedFd> = layers.iter().map(|layer| open(layer)).collect();
    let layers: Vec<_> = layers.iter().map(AsFd::as_fd).collect();
    let own = open(own);
    let list = changes(&Sides { own: own.as_fd(), layers: &layers, complete }).expect("changes");
    list.into_iter().map(|Change(kind, path)| (kind, path)).collect()
}

fn told(list: &[(Kind, &str)]) -> Vec<(Kind, String)> {
    list.iter().map(|(kind, path)| (*kind, (*path).to_owned())).collect()
}

#[test]
fn an_upper_is_compared_with_what_the_layers_show() {
    let place = tempfile::tempdir().expect("a directory");
    let [bottom, top, own] = ["bottom", "top", "own"].map(|name| place.path().join(name));
    for directory in [&bottom, &top, &own] {
        fs::create_dir(directory).expect("a directory");
    }
    write(&bottom, "etc/passwd", "below");
    write(&bottom, "etc/gone", "below");
    write(&bottom, "untouched/file", "below");
    write(&bottom, "hidden/file", "below");
    write(&top, "top", "top");
    let whiteout = |layer: &Path, name: &[u8]| path::make_node_at(open(layer).as_fd(), name, path::S_IFCHR);
    whiteout(&top, b"hidden").expect("a whiteout");
    write(&own, "etc/passwd", "changed");
    write(&own, "etc/new", "added");
    whiteout(&own.join("etc"), b"gone").expect("a whiteout");
    whiteout(&own, b"never-there").expect("a whiteout");
    write(&own, "hidden/file", "anew");
    write(&own, "link-target", "");
    std::os::unix::fs::symlink("/etc/passwd", own.join("link")).expect("a link");
    use Kind::{Added, Changed, Deleted};
    let expected = told(&[
        (Changed, "/etc"),
        (Deleted, "/etc/gone"),
        (Added, "/etc/new"),
        (Changed, "/etc/passwd"),
        (Added, "/hidden"),
        (Added, "/hidden/file"),
        (Added, "/link"),
        (Added, "/link-target"),
    ]);
    assert_eq!(found(&own, &[&top, &bottom], false), expected);
}

#[test]
fn an_opaque_directory_hides_what_is_below() {
    let place = tempfile::tempdir().expect("a directory");
    let [bottom, own] = ["bottom", "own"].map(|name| place.path().join(name));
    write(&bottom, "d/old", "below");
    write(&bottom, "d/both", "below");
    write(&own, "d/both", "own");
    xattr::set(open(&own.join("d")).as_fd(), b"user.overlay.opaque", b"y").expect("an attribute");
    use Kind::{Changed, Deleted};
    let expected = told(&[(Changed, "/d"), (Changed, "/d/both"), (Deleted, "/d/old")]);
    assert_eq!(found(&own, &[&bottom], false), expected);
}

#[test]
fn a_whole_tree_differs_where_its_files_do() {
    let place = tempfile::tempdir().expect("a directory");
    let [bottom, own] = ["bottom", "own"].map(|name| place.path().join(name));
    for layer in [&bottom, &own] {
        write(layer, "same/file", "same");
        let at = path::FileTime { seconds: 1, nanoseconds: 0 };
        path::set_time_at(open(&layer.join("same")).as_fd(), b"file", at).expect("a time");
    }
    write(&bottom, "gone", "");
    write(&own, "new", "");
    use Kind::{Added, Deleted};
    assert_eq!(found(&own, &[&bottom], true), told(&[(Deleted, "/gone"), (Added, "/new")]));
}
