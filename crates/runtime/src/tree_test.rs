//! Trees in a temporary directory: deep, linked, odd.

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn open(place: &std::path::Path) -> OwnedFd {
    OwnedFd::from(fs::File::open(place).expect("opens"))
}

#[test]
fn a_tree_deeper_than_any_path_goes_and_what_links_point_to_stays() {
    let place = tempfile::tempdir().expect("makes a directory");
    let kept = place.path().join("kept");
    fs::write(&kept, "kept").expect("writes");
    let base = open(place.path());
    path::make_directory_at(base.as_fd(), b"doomed", 0o700).expect("makes");
    let mut level = open(&place.path().join("doomed"));
    for _ in 0..3000 {
        path::make_directory_at(level.as_fd(), b"d", 0o700).expect("makes");
        path::make_symlink_at(kept.as_os_str().as_encoded_bytes(), level.as_fd(), b"link").expect("links");
        level = open_directory(level.as_fd(), b"d").expect("opens");
    }
    remove(base.as_fd(), b"doomed").expect("removes");
    let left: Vec<_> = fs::read_dir(place.path()).expect("lists").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["kept"]);
    remove(base.as_fd(), b"doomed").expect("nothing to remove is fine");
}

#[test]
fn a_copy_keeps_content_modes_links_and_times() {
    let place = tempfile::tempdir().expect("makes a directory");
    let (from, to) = (place.path().join("from"), place.path().join("to"));
    fs::create_dir_all(from.join("sub")).expect("makes");
    fs::create_dir(&to).expect("makes");
    fs::write(from.join("sub/file"), vec![7; 300_000]).expect("writes");
    fs::set_permissions(from.join("sub/file"), fs::Permissions::from_mode(0o4755)).expect("modes");
    fs::set_permissions(&from, fs::Permissions::from_mode(0o1777)).expect("modes");
    symlink("/nowhere", from.join("link")).expect("links");
    copy_content(open(&from).as_fd(), open(&to).as_fd()).expect("copies");
    assert_eq!(fs::read(to.join("sub/file")).expect("reads"), vec![7; 300_000]);
    assert_eq!(fs::metadata(to.join("sub/file")).expect("is there").permissions().mode() & 0o7777, 0o4755);
    assert_eq!(fs::metadata(&to).expect("is there").permissions().mode() & 0o7777, 0o1777);
    assert_eq!(fs::read_link(to.join("link")).expect("is a link").to_str(), Some("/nowhere"));
    let time =
        |side: &std::path::Path| fs::metadata(side.join("sub/file")).expect("is there").modified().expect("has a time");
    assert_eq!(time(&from), time(&to));
    assert!(!is_empty(open(&to).as_fd()).expect("looks"));
}
