use super::*;
use bunker_sys::path::O_NOFOLLOW;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

/// `outside/` with a canary, and `root/` beside it.
struct Tree {
    base: tempfile::TempDir,
}

impl Tree {
    fn new() -> Self {
        let base = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir_all(base.path().join("outside/deep")).expect("outside");
        fs::write(base.path().join("outside/canary"), "secret").expect("canary");
        fs::create_dir(base.path().join("root")).expect("root");
        Self { base }
    }

    fn root(&self) -> fs::File {
        fs::File::open(self.path("")).expect("open root")
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.base.path().join("root").join(inside)
    }

    fn outside_names(&self) -> Vec<String> {
        let list = fs::read_dir(self.base.path().join("outside")).expect("list");
        let mut names: Vec<_> =
            list.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn errno<T>(result: SysResult<T>) -> i32 {
    result.err().map_or(0, |error| error.errno)
}

#[test]
fn no_path_leads_outside() {
    let tree = Tree::new();
    let outside = tree.base.path().join("outside");
    symlink(&outside, tree.path("absolute")).expect("link");
    symlink("../outside", tree.path("relative")).expect("link");
    symlink("../../../../../../..", tree.path("up")).expect("link");
    symlink("/proc/self/root", tree.path("magic")).expect("link");
    for path in [
        "../outside/canary",
        "absolute/canary",
        "relative/canary",
        &format!("up{}/canary", outside.display()),
        &format!("magic{}/canary", outside.display()),
        "a/../../outside/canary",
    ] {
        let found = open(tree.root().as_fd(), path.as_bytes(), O_RDONLY);
        assert_eq!(errno(found), 2, "{path}");
        assert_eq!(errno(read_file(tree.root().as_fd(), path.as_bytes(), 100)), 2, "{path}");
    }
}

#[test]
fn directories_are_made_inside_whatever_links_say() {
    // link, its target, path to make, where it must appear below the root
    let cases = [
        (None, "a/b/c", "a/b/c"),
        (None, "/a//./b/", "a/b"),
        (None, "x/../y", "y"),
        (None, "../../z", "z"),
        (Some(("l", "/outside")), "l/new", "outside/new"),
        (Some(("l", "../outside")), "l/new", "outside/new"),
        (Some(("l", "../../../../outside/deep")), "l", "outside/deep"),
        (Some(("l", "m/n")), "l/o", "m/n/o"),
        (Some(("l", "/")), "l/l/l/p", "p"),
    ];
    for (link, path, made) in cases {
        let tree = Tree::new();
        if let Some((name, target)) = link {
            symlink(target, tree.path(name)).expect("link");
        }
        let fd = make_directories(tree.root().as_fd(), path.as_bytes(), 0o750).expect(path);
        let there = fs::symlink_metadata(tree.path(made)).expect(path);
        assert!(there.is_dir(), "{path}");
        assert_eq!(path::status(fd.as_fd()).expect("status").inode, there.ino(), "{path}");
        assert_eq!(tree.outside_names(), ["canary", "deep"], "{path}");
    }
}

#[test]
fn making_directories_fails_clearly() {
    let tree = Tree::new();
    fs::write(tree.path("file"), "").expect("file");
    symlink("loop", tree.path("loop")).expect("link");
    symlink("file", tree.path("to-file")).expect("link");
    for (path, expected) in [("file/x", 20), ("file", 20), ("to-file/x", 20), ("loop/x", 40), ("", 2), ("a\0b", 22)] {
        assert_eq!(errno(make_directories(tree.root().as_fd(), path.as_bytes(), 0o755)), expected, "{path}");
    }
}

/// The text of a link into an open file would be made inside, though nobody asked for it.
#[test]
fn links_of_procfs_are_not_taken_for_their_text() {
    let everything = fs::File::open("/").expect("open /");
    for path in ["proc/self/cwd/x", "proc/self/fd/0/x", "proc/self/exe/x", "proc/self/root/x"] {
        assert_eq!(errno(make_directories(everything.as_fd(), path.as_bytes(), 0o755)), 40, "{path}");
        assert_eq!(errno(make_file(everything.as_fd(), path.as_bytes(), 0o644)), 40, "{path}");
    }
}

#[test]
fn files_are_made_for_mounts_and_never_truncated() {
    let tree = Tree::new();
    fs::write(tree.path("there"), "content").expect("file");
    symlink("/etc/made", tree.path("link")).expect("link");
    for (path, at) in [("there", "there"), ("link", "etc/made"), ("a/b/file", "a/b/file"), ("../up", "up")] {
        make_file(tree.root().as_fd(), path.as_bytes(), 0o600).expect(path);
        assert!(fs::symlink_metadata(tree.path(at)).expect(path).is_file(), "{path}");
    }
    assert_eq!(fs::read(tree.path("there")).expect("read"), b"content");
    assert_eq!(fs::metadata(tree.path("a")).expect("parent").permissions().mode() & 0o755, 0o755);
    assert_eq!(errno(make_file(tree.root().as_fd(), b"a", 0o600)), 21);
    assert_eq!(errno(make_file(tree.root().as_fd(), b"/", 0o600)), 21);
    assert_eq!(tree.outside_names(), ["canary", "deep"]);
}

#[test]
fn only_regular_files_of_the_allowed_size_are_read() {
    let tree = Tree::new();
    fs::write(tree.path("file"), "12345").expect("file");
    symlink("/file", tree.path("link")).expect("link");
    path::make_node_at(tree.root().as_fd(), b"fifo", path::S_IFIFO | 0o644).expect("fifo");
    assert!(fs::metadata(tree.path("fifo")).expect("fifo").file_type().is_fifo());
    let read = |path: &str, limit| read_file(tree.root().as_fd(), path.as_bytes(), limit);
    assert_eq!(read("file", 5).expect("at the limit"), b"12345");
    assert_eq!(read("link", 6).expect("through a link"), b"12345");
    assert_eq!(errno(read("file", 4)), EFBIG);
    assert_eq!(errno(read("fifo", 100)), EINVAL);
    assert_eq!(errno(read(".", 100)), EINVAL);
}

#[test]
fn the_last_link_is_kept_when_asked() {
    let tree = Tree::new();
    symlink("nowhere", tree.path("link")).expect("link");
    let fd = open(tree.root().as_fd(), b"link", O_PATH | O_NOFOLLOW).expect("the link itself");
    assert_eq!(path::read_link_at(fd.as_fd(), b"").expect("target"), b"nowhere");
}

#[test]
fn paths_are_cut_at_the_last_component() {
    let cases: [(&str, Option<(&str, &str)>); 9] = [
        ("a", Some(("", "a"))),
        ("/a", Some(("/", "a"))),
        ("a/b/c", Some(("a/b/", "c"))),
        ("a/b///", Some(("a/", "b"))),
        ("", None),
        ("///", None),
        ("a/..", None),
        ("a/.", None),
        ("..", None),
    ];
    for (path, expected) in cases {
        let cut = parent_and_name(path.as_bytes()).ok();
        assert_eq!(cut, expected.map(|(parent, name)| (parent.as_bytes(), name.as_bytes())), "{path:?}");
    }
}

#[test]
fn what_no_path_could_name_is_not_made() {
    const ENAMETOOLONG: i32 = 36;
    let tree = Tree::new();
    let long = "/a".repeat(2048);
    assert_eq!(errno(make_directories(tree.root().as_fd(), long.as_bytes(), 0o755)), ENAMETOOLONG);
    assert_eq!(errno(make_file(tree.root().as_fd(), long.as_bytes(), 0o644)), ENAMETOOLONG);
    assert!(!tree.path("a").exists());
    // Links that add up to more.
    for at in 0..3 {
        symlink(format!("{}/l{}", vec!["b"; 1500].join("/"), at + 1), tree.path(&format!("l{at}"))).expect("link");
    }
    let deep = vec!["b"; 1500].join("/");
    make_directories(tree.root().as_fd(), deep.as_bytes(), 0o755).expect("still a path");
    let bottom = open(tree.root().as_fd(), deep.as_bytes(), O_PATH | O_DIRECTORY).expect("there");
    bunker_sys::path::make_symlink_at(deep.as_bytes(), bottom.as_fd(), b"l1").expect("link");
    assert_eq!(errno(make_directories(tree.root().as_fd(), b"l0", 0o755)), ENAMETOOLONG);
}
