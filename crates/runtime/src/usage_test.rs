use super::*;
use std::fs;

#[test]
fn lengths_blocks_and_names_are_counted_and_hard_links_once() {
    let base = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir_all(base.path().join("a/b")).expect("directories");
    fs::write(base.path().join("a/file"), vec![1; 10_000]).expect("file");
    fs::hard_link(base.path().join("a/file"), base.path().join("a/b/again")).expect("link");
    fs::write(base.path().join("empty"), "").expect("file");
    std::os::unix::fs::symlink("a/file", base.path().join("link")).expect("symlink");
    let usage = measure(fs::File::open(base.path()).expect("open").as_fd()).expect("measure");
    assert_eq!((usage.bytes, usage.files), (10_000 + 6, 4));
    assert!(usage.disk >= 10_000, "{usage:?}");
    let single = measure(fs::File::open(base.path().join("a/file")).expect("open").as_fd()).expect("measure");
    assert_eq!((single.bytes, single.files), (10_000, 1));
}
