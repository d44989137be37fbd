//! For tests: a layer unpacked into a temporary directory, and what is there afterwards as lines.

use super::test_archive::{Item, archive};
use super::{Limits, Owners, Unpack, Unpacked, blob, unpack};
use crate::failure::Failure;
use bunker_sys::xattr;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub(crate) struct TestLayer {
    base: tempfile::TempDir,
    pub(crate) unpacked: Unpacked,
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", blob::hex(&Sha256::digest(bytes)))
}

pub(crate) fn unpack_items(items: &[Item]) -> Result<TestLayer, Failure> {
    unpack_archive(&archive(items))
}

pub(crate) fn unpack_archive(plain: &[u8]) -> Result<TestLayer, Failure> {
    unpack_blob(plain, plain, Limits::default())
}

pub(crate) fn unpack_blob(compressed: &[u8], plain: &[u8], limits: Limits) -> Result<TestLayer, Failure> {
    unpack_promised(compressed, (&digest(compressed), &digest(plain)), limits, &Owners::all())
}

pub(crate) fn unpack_promised(
    compressed: &[u8],
    (digest, diff_id): (&str, &str),
    limits: Limits,
    owners: &Owners,
) -> Result<TestLayer, Failure> {
    let base = temporary();
    let (blob, root) = (base.path().join("blob"), base.path().join("root"));
    fs::write(&blob, compressed).expect("blob");
    fs::create_dir(&root).expect("root");
    let unpacked = unpack(Unpack {
        blob: File::open(&blob).expect("blob").into(),
        counter: None,
        size: compressed.len() as u64,
        digest,
        diff_id: Some(diff_id),
        root: File::open(&root).expect("root").as_fd(),
        manifest: File::create(base.path().join("manifest")).expect("manifest").into(),
        owners,
        limits,
    });
    assert_eq!(fs::read_dir(base.path()).expect("list").count(), 3, "something was made beside the layer");
    Ok(TestLayer { base, unpacked: unpacked? })
}

/// In memory where that can hold attributes: on ext4, inodes that tests have just freed make new files very slow.
fn temporary() -> tempfile::TempDir {
    let memory = tempfile::tempdir_in("/dev/shm").ok().filter(|directory| {
        let opened = File::open(directory.path());
        opened.is_ok_and(|directory| xattr::set(directory.as_fd(), b"user.test", b"").is_ok())
    });
    memory.unwrap_or_else(|| tempfile::tempdir().expect("a temporary directory"))
}

impl TestLayer {
    pub(crate) fn root(&self) -> PathBuf {
        self.base.path().join("root")
    }

    pub(crate) fn manifest_path(&self) -> PathBuf {
        self.base.path().join("manifest")
    }

    pub(crate) fn manifest(&self) -> String {
        fs::read_to_string(self.manifest_path()).expect("manifest")
    }

    /// Type and path of each line of the manifest.
    pub(crate) fn manifest_names(&self) -> Vec<String> {
        let cut = |line: &str| {
            let fields: Vec<&str> = line.split(' ').collect();
            [&fields[..1], &fields[7..]].concat().join(" ")
        };
        self.manifest().lines().map(cut).collect()
    }

    /// Everything that is there, sorted by path.
    pub(crate) fn listing(&self) -> Vec<String> {
        listing(&self.root())
    }

    pub(crate) fn open_root(&self) -> File {
        File::open(self.root()).expect("root")
    }
}

pub(crate) fn listing(root: &Path) -> Vec<String> {
    let mut lines = vec![(PathBuf::new(), describe(root, "."))];
    let mut ahead = vec![PathBuf::new()];
    while let Some(directory) = ahead.pop() {
        for entry in fs::read_dir(root.join(&directory)).expect("list") {
            let path = directory.join(entry.expect("entry").file_name());
            let full = root.join(&path);
            lines.push((path.clone(), describe(&full, &path.as_os_str().as_bytes().escape_ascii().to_string())));
            if fs::symlink_metadata(&full).expect("stat").is_dir() {
                ahead.push(path);
            }
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn describe(full: &Path, name: &str) -> String {
    let status = fs::symlink_metadata(full).expect("stat");
    let mode = status.permissions().mode() & 0o7777;
    // What belongs to us is what the archive gave to root.
    let own = fs::metadata("/proc/self").expect("/proc/self");
    let is_own = (status.uid(), status.gid()) == (own.uid(), own.gid());
    let owner = if is_own { String::new() } else { format!(" @{}:{}", status.uid(), status.gid()) };
    let kind = status.file_type();
    if kind.is_dir() {
        let directory = File::open(full).expect("open");
        let opaque = xattr::get(directory.as_fd(), b"user.overlay.opaque").expect("attribute");
        format!("d {mode:o} {name}{owner}{}", if opaque.is_some() { " opaque" } else { "" })
    } else if kind.is_symlink() {
        let target = fs::read_link(full).expect("readlink");
        format!("l {name} -> {}{owner}", target.as_os_str().as_bytes().escape_ascii())
    } else if kind.is_char_device() && status.rdev() == 0 {
        format!("w {name}")
    } else if kind.is_fifo() {
        format!("p {mode:o} {name}{owner}")
    } else {
        assert!(kind.is_file(), "{name} is a {kind:?}");
        let content = fs::read(full).expect("read");
        let names = if status.nlink() > 1 { format!(" x{}", status.nlink()) } else { String::new() };
        let content =
            if content.len() > 100 { format!("{} bytes", content.len()) } else { content.escape_ascii().to_string() };
        format!("f {mode:o} {name}{owner} = {content}{names}")
    }
}

/// Tests that give files away need to be root, in whatever namespace.
#[allow(clippy::print_stderr)]
pub(crate) fn is_root() -> bool {
    let root = bunker_sys::credential::effective_user() == 0;
    if !root {
        eprintln!("skipped: only root can give files to others");
    }
    root
}
