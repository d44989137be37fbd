//! Files and directories of the data home: opening, syncing, laying out a tree in one call.

use std::os::fd::IntoRawFd;

use bunker_sys::client::files;
use napi_derive::napi;

use crate::failure::{Outcome, outcome};

/// A file when it has content, else a directory.
#[napi(object, object_to_js = false)]
pub struct TreeEntry {
    pub path: String,
    pub mode: u32,
    pub content: Option<String>,
}

/// `flags` are open(2)'s; O_CLOEXEC is added, what is made gets mode 0600.
#[napi]
pub fn open_fd(path: String, flags: i32) -> Outcome<i32> {
    outcome("opening a file", files::open(&path, flags).map(IntoRawFd::into_raw_fd))
}

#[napi]
pub fn sync_filesystem(path: String) -> Outcome<()> {
    outcome("syncing a filesystem", files::sync_filesystem(&path))
}

#[napi]
pub fn sync_directory(path: String) -> Outcome<()> {
    outcome("syncing a directory", files::sync_directory(&path))
}

#[napi]
pub fn make_tree(base: String, entries: Vec<TreeEntry>) -> Outcome<()> {
    outcome("making a directory tree", files::make_tree(&base, &self::entries(&entries)))
}

pub(crate) fn entries(entries: &[TreeEntry]) -> Vec<files::TreeEntry> {
    let plain = |entry: &TreeEntry| files::TreeEntry {
        path: entry.path.clone(),
        mode: entry.mode,
        content: entry.content.clone(),
    };
    entries.iter().map(plain).collect()
}

/// Both ends of a pipe: reading, writing.
#[napi]
pub fn make_pipe() -> Outcome<Vec<i32>> {
    let ends = files::make_pipe().map(|(reading, writing)| vec![reading.into_raw_fd(), writing.into_raw_fd()]);
    outcome("making a pipe", ends)
}

/// Tells a worker how much more of a growing file there is.
#[napi]
pub fn make_counter() -> Outcome<i32> {
    outcome("making a counter", files::make_counter().map(IntoRawFd::into_raw_fd))
}

#[napi]
pub fn add_to_counter(counter: i32, amount: u32) -> Outcome<()> {
    outcome("counting", files::add_to_counter(counter, amount.into()))
}
