//! The kill switch: an unpacker that checks nothing at all, locked in as a worker is, must not touch what lies outside.
//! Its own main, because the test harness has threads.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "worker/fixture.rs"]
#[allow(dead_code)]
mod fixture;

use bunker_runtime::lockin::{Needs, Reach, Root, lock_in};
use bunker_runtime::spec::UserNamespace;
use bunker_runtime::userns;
use bunker_sys::path::{self, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY};
use bunker_sys::{credential, file, mount, namespace, process};
use fixture::as_user_between;
use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

const CASES: [(&str, fn()); 3] = [
    ("an_unpacker_without_any_check_cannot_leave_the_layer", an_unpacker_without_any_check_cannot_leave_the_layer),
    ("without_the_lock_it_does_harm", without_the_lock_it_does_harm),
    ("trees_to_read_can_be_read_and_nothing_else", trees_to_read_can_be_read_and_nothing_else),
];

/// Speaks cargo's language, as far as those who count tests read it.
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut passed = 0;
    for (name, case) in CASES {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part)) {
            case();
            println!("test {name} ... ok");
            passed += 1;
        }
    }
    println!(
        "test result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; {} filtered out",
        CASES.len() - passed
    );
}

/// Content, mode and time of everything in the canary tree.
type Snapshot = BTreeMap<PathBuf, (Vec<u8>, u32, i64, u64)>;

fn plant(base: &Path) {
    let canary = base.join("canary");
    fs::create_dir_all(canary.join("directory")).expect("canary");
    fs::write(canary.join("file"), "secret").expect("canary");
    fs::write(canary.join("directory/inner"), "secret too").expect("canary");
    fs::set_permissions(canary.join("file"), fs::Permissions::from_mode(0o4700)).expect("canary");
    symlink("file", canary.join("link")).expect("canary");
}

fn snapshot(base: &Path) -> Snapshot {
    let mut seen = Snapshot::new();
    let mut ahead = vec![base.join("canary")];
    while let Some(path) = ahead.pop() {
        let status = fs::symlink_metadata(&path).expect("stat");
        if status.is_dir() {
            ahead.extend(fs::read_dir(&path).expect("list").map(|entry| entry.expect("entry").path()));
        }
        let content = if status.is_file() { fs::read(&path).expect("read") } else { Vec::new() };
        seen.insert(path, (content, status.mode(), status.mtime(), status.nlink()));
    }
    seen
}

/// Writes, links, chmods and removes wherever a name says. Whether it could read a secret.
fn unpack_naively(names: &[String]) -> bool {
    let mut read = false;
    for name in names {
        let path = Path::new(name);
        let _ = path.parent().map(fs::create_dir_all);
        read |= fs::read(path).is_ok_and(|content| content.starts_with(b"secret"));
        let _ = fs::write(path, "overwritten");
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o666));
        let _ = fs::hard_link(path, "/hard");
        let _ = symlink(path, "/soft");
        let _ = fs::write("/soft", "overwritten");
        let _ = fs::remove_file(path);
        let _ = fs::remove_dir_all(path.parent().unwrap_or(path));
    }
    read
}

fn an_unpacker_without_any_check_cannot_leave_the_layer() {
    let before = |base: &Path| {
        plant(base);
        fs::create_dir(base.join("layer")).expect("layer");
    };
    // Root gives the tree to the user afterwards; the user takes the snapshot, root compares.
    let after = |base: &Path, ()| {
        let unharmed = fs::read_to_string(base.join("snapshot")).expect("snapshot");
        assert_eq!(format!("{:?}", snapshot(base)), unharmed);
    };
    let Some(shop) = as_user_between("an_unpacker_without_any_check_cannot_leave_the_layer", before, after) else {
        return;
    };
    fs::write(shop.path("snapshot"), format!("{:?}", snapshot(&shop.path("")))).expect("snapshot");
    let names = hostile_names(&shop.text("canary"));
    let leaked = file::open(&shop.text("canary"), O_PATH | O_DIRECTORY).expect("canary");
    let reach = enter(&shop.text("layer"), (shop.namespace(), &shop.text("runtime")), &[]);
    assert!(!unpack_naively(&names), "a secret was read");
    // A descriptor of a directory outside must not exist; if one did, Landlock would still forbid to open through it.
    if let Err(error) = path::open_at(leaked.as_fd(), b"file", O_RDONLY, 0) {
        assert_eq!(error.errno, 13, "{error}");
    } else {
        eprintln!("skipped: this kernel has no Landlock");
    }
    drop(leaked);
    refuse_everything_else(&reach);
}

/// The test above has teeth.
fn without_the_lock_it_does_harm() {
    let Some(shop) = as_user_between("without_the_lock_it_does_harm", plant, |_, ()| ()) else { return };
    let unharmed = snapshot(&shop.path(""));
    assert!(unpack_naively(&hostile_names(&shop.text("canary"))), "the secret was not even read");
    assert!(!shop.path("canary").exists() || snapshot(&shop.path("")) != unharmed);
}

fn hostile_names(canary: &str) -> Vec<String> {
    let up = "../".repeat(40);
    let mut names = Vec::new();
    for target in ["file", "directory/inner", "link", "new"] {
        let path = format!("{canary}/{target}");
        names.extend([path.clone(), format!("{up}{path}"), format!("/{up}{path}"), format!("/proc/self/root{path}")]);
        names.extend([
            format!("/proc/1/root{path}"),
            format!("/proc/self/fd/3{path}"),
            format!("/proc/self/cwd/{up}{path}"),
        ]);
    }
    names
}

fn enter(layer: &str, (namespace, runtime_dir): (serde_json::Value, &str), trees: &[&str]) -> Reach {
    let namespace: UserNamespace = serde_json::from_value(namespace).expect("namespace");
    std::mem::forget(userns::enter(&namespace, runtime_dir).expect("U"));
    lock_in(Needs { root: Root::Directory(layer), trees, runtime_dir, file_size: None }).expect("locked in")
}

fn refuse_everything_else(reach: &Reach) {
    let above =
        path::open_at(reach.root.as_fd(), b"../../..", O_RDONLY | O_DIRECTORY, 0).expect("above is the root itself");
    let inode =
        |fd: std::os::fd::BorrowedFd<'_>| path::status(fd).map(|status| (status.device, status.inode)).expect("stat");
    assert_eq!(inode(above.as_fd()), inode(reach.root.as_fd()));
    assert!(TcpListener::bind("127.0.0.1:0").is_err(), "a TCP socket");
    assert!(UdpSocket::bind("127.0.0.1:0").is_err(), "a UDP socket");
    assert!(UnixStream::pair().is_err(), "a socket pair");
    assert!(std::process::Command::new("/proc/self/exe").spawn().is_err(), "a process");
    for kind in [namespace::USER, namespace::MOUNT, namespace::NETWORK, namespace::PID] {
        assert!(namespace::unshare(kind).is_err(), "namespace {kind:#x}");
    }
    assert!(mount::clone_of(reach.root.as_fd(), false).is_err(), "a mount");
    assert!(mount::pivot_into(reach.root.as_fd()).is_err(), "another root");
    assert!(process::set_dumpable(true).is_err(), "dumpable");
    assert!(mount::FilesystemContext::open("tmpfs").is_err(), "a file system");
    assert!(mount::set_attributes(reach.root.as_fd(), 0, mount::PRIVATE, false).is_err(), "mount attributes");
    assert!(file::memory_file(c"code").is_err(), "a place for code");
    assert!(file::pipe().is_err(), "a pipe");
    assert!(process::open_pidfd(1).is_err(), "a pidfd");
    assert!(process::fork().is_err(), "a fork");
    assert!(credential::join_empty_keyring(c"bunker").is_err(), "a keyring");
    assert!(credential::set_user(1).is_err() && credential::set_group(1).is_err(), "other ids");
    assert!(credential::set_groups(&[0]).is_err(), "other groups");
    assert!(credential::set_capabilities(u64::MAX, u64::MAX, 0).is_err(), "capabilities");
    assert!(credential::install_filter(&[]).is_err(), "another filter");
    assert!(namespace::open(1, "mnt").is_err(), "somebody's namespace");
    assert!(file::open("/proc/self/mem", O_RDONLY).is_err(), "/proc");
    assert!(file::change_directory(reach.root.as_fd()).is_err(), "another directory");
    assert!(process::kill_number(1, 0).is_err(), "a signal to others");
    let device = path::make_node_at(reach.root.as_fd(), b"block", path::S_IFBLK | 0o666);
    assert!(device.is_err(), "a block device");
    assert!(
        path::make_node_at(reach.root.as_fd(), b"whiteout", path::S_IFCHR).is_ok(),
        "overlay's whiteout is allowed"
    );
    assert!(std::thread::spawn(|| 7).join().is_ok_and(|seven| seven == 7), "threads are allowed");
}

fn trees_to_read_can_be_read_and_nothing_else() {
    let Some(shop) = as_user_between("trees_to_read_can_be_read_and_nothing_else", plant, |_, ()| ()) else { return };
    fs::create_dir(shop.path("layer")).expect("layer");
    let trees = [shop.text("canary/directory"), shop.text("nothing"), shop.text("canary/file")];
    let trees: Vec<&str> = trees.iter().map(String::as_str).collect();
    let reach = enter(&shop.text("layer"), (shop.namespace(), &shop.text("runtime")), &trees);
    let tree = reach.trees[0].as_ref().expect("a tree").as_fd();
    assert!(reach.trees[1].is_none() && reach.trees[2].is_some());
    let read = |name: &[u8]| path::open_at(tree, name, O_RDONLY, 0);
    assert!(read(b"inner").is_ok());
    assert!(read(b"../file").is_err(), "up from a tree");
    assert!(read(b"../../canary/file").is_err(), "up from a tree");
    assert!(path::open_at(tree, b"inner", path::O_WRONLY | O_NOFOLLOW, 0).is_err(), "writing to a tree");
    assert!(path::remove_file_at(tree, b"inner").is_err(), "removing from a tree");
    let inner = read(b"inner").expect("inner");
    assert!(path::change_mode(inner.as_fd(), 0o777).is_err(), "a mode in a tree");
    assert!(path::change_owner(inner.as_fd(), (5, 5)).is_err(), "an owner in a tree");
}
