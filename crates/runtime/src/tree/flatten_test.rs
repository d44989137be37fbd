use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use bunker_sys::{path, xattr};

use super::{OPAQUE, flatten};

fn write(layer: &Path, name: &str, content: &str) {
    let path = layer.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
    fs::write(path, content).expect("a file");
}

/// As overlay keeps it; needs to be root, or in a user namespace.
fn whiteout(layer: &Path, name: &str) {
    let (parent, name) = name.rsplit_once('/').unwrap_or((".", name));
    let directory = File::open(layer.join(parent)).expect("a directory");
    path::make_node_at(directory.as_fd(), name.as_bytes(), path::S_IFCHR).expect("a whiteout");
}

fn read(root: &Path, name: &str) -> Option<String> {
    fs::read_to_string(root.join(name)).ok()
}

#[test]
fn layers_lie_over_each_other_as_overlay_shows_them() {
    let place = tempfile::tempdir().expect("a directory");
    let [bottom, middle, top, target] = ["bottom", "middle", "top", "target"].map(|name| place.path().join(name));
    for directory in [&bottom, &middle, &top, &target] {
        fs::create_dir(directory).expect("a directory");
    }
    write(&bottom, "kept", "bottom");
    write(&bottom, "replaced", "bottom");
    write(&bottom, "removed", "bottom");
    write(&bottom, "d/below", "bottom");
    write(&bottom, "d/gone", "bottom");
    write(&bottom, "opaque/below", "bottom");
    write(&bottom, "was-directory/inside", "bottom");
    write(&bottom, "was-file", "bottom");
    symlink("/etc", bottom.join("link")).expect("a link");
    write(&bottom, "linked/first", "once");
    fs::hard_link(bottom.join("linked/first"), bottom.join("linked/second")).expect("a link");
    write(&middle, "replaced", "middle");
    write(&middle, "d/new", "middle");
    whiteout(&middle, "removed");
    whiteout(&middle, "d/gone");
    write(&middle, "opaque/own", "middle");
    let opaque = File::open(middle.join("opaque")).expect("a directory");
    xattr::set(opaque.as_fd(), OPAQUE, b"y").expect("an attribute");
    write(&middle, "was-directory", "a file now");
    write(&middle, "was-file/inside", "a directory now");
    write(&middle, "link", "a file now");
    fs::set_permissions(middle.join("d"), fs::Permissions::from_mode(0o711)).expect("a mode");
    write(&top, "removed", "back");

    let layers = [&bottom, &middle, &top].map(|layer| File::open(layer).expect("a layer"));
    let into = File::open(&target).expect("a directory");
    flatten(&layers.each_ref().map(AsFd::as_fd), false, into.as_fd()).expect("flattened");

    for (name, content) in [
        ("kept", Some("bottom")),
        ("replaced", Some("middle")),
        ("removed", Some("back")),
        ("d/below", Some("bottom")),
        ("d/new", Some("middle")),
        ("d/gone", None),
        ("opaque/below", None),
        ("opaque/own", Some("middle")),
        ("was-directory", Some("a file now")),
        ("was-file/inside", Some("a directory now")),
        ("link", Some("a file now")),
        ("linked/second", Some("once")),
    ] {
        assert_eq!(read(&target, name).as_deref(), content, "{name}");
    }
    assert_eq!(fs::metadata(target.join("linked/first")).expect("there").nlink(), 2);
    assert_eq!(fs::metadata(target.join("d")).expect("there").mode() & 0o777, 0o711);
    let copied = File::open(target.join("opaque")).expect("there");
    assert_eq!(xattr::get(copied.as_fd(), OPAQUE).expect("asked"), None);
    // Nothing of the layers was changed.
    assert_eq!(read(&bottom, "removed").as_deref(), Some("bottom"));
}

#[test]
fn marks_of_fuse_overlayfs_count_in_what_it_wrote_and_nowhere_else() {
    let place = tempfile::tempdir().expect("a directory");
    let [bottom, top, target] = ["bottom", "top", "target"].map(|name| place.path().join(name));
    for directory in [&bottom, &top, &target] {
        fs::create_dir(directory).expect("a directory");
    }
    write(&bottom, "removed", "bottom");
    write(&bottom, "again", "bottom");
    write(&bottom, "opaque/below", "bottom");
    write(&bottom, "clear/below", "bottom");
    write(&top, ".wh.removed", "");
    write(&top, ".wh.never", "");
    write(&top, "again", "top");
    write(&top, ".wh.again", "");
    write(&top, "opaque/.wh..wh..opq", "");
    write(&top, "opaque/own", "top");
    write(&top, "clear/own", "top");
    let layers = [&bottom, &top].map(|layer| File::open(layer).expect("a layer"));
    let into = File::open(&target).expect("a target");
    flatten(&layers.each_ref().map(AsFd::as_fd), true, into.as_fd()).expect("flattened");
    assert_eq!(read(&target, "removed"), None);
    assert_eq!(read(&target, "again"), Some("top".to_owned()));
    let again = place.path().join("again");
    fs::create_dir(&again).expect("a directory");
    let into = File::open(&again).expect("a target");
    flatten(&layers.each_ref().map(AsFd::as_fd), false, into.as_fd()).expect("flattened");
    assert_eq!(read(&again, "removed"), Some("bottom".to_owned()));
    assert_eq!(read(&again, ".wh.removed"), Some(String::new()));
    assert_eq!(read(&target, ".wh.removed"), None);
    assert_eq!(read(&target, "opaque/below"), None);
    assert_eq!(read(&target, "opaque/own"), Some("top".to_owned()));
    assert_eq!(read(&target, "opaque/.wh..wh..opq"), None);
    assert_eq!(read(&target, "clear/below"), Some("bottom".to_owned()));
}
