//! The host's resolv.conf, read anew when it has changed. Seen when a question comes, at most once a second: watching it
//! would take one of the user's few inotify instances, and it is often a link whose target is replaced.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::dns::resolv_conf::{Upstreams, parse_resolv_conf};

const PAUSE: Duration = Duration::from_secs(1);
/// More than anybody writes into it.
const LONGEST: u64 = 64 * 1024;

/// Device, inode, size and both times of a file: whatever somebody does to it, one of them changes.
type Identity = [i64; 7];

/// A resolv.conf, and what it said last.
pub(crate) struct HostFile {
    path: PathBuf,
    looked: Option<Instant>,
    identity: Option<Identity>,
    upstreams: Upstreams,
}

impl HostFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, looked: None, identity: None, upstreams: Upstreams::default() }
    }

    /// What it says now; if it is away, what it said.
    pub(crate) fn upstreams(&mut self, now: Instant) -> &Upstreams {
        let is_fresh = self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < PAUSE);
        if !is_fresh {
            self.looked = Some(now);
            self.look();
        }
        &self.upstreams
    }

    fn look(&mut self) {
        let Some(identity) = self.current_identity() else { return };
        if self.identity == Some(identity) {
            return;
        }
        let Ok(file) = File::open(&self.path) else { return };
        let mut bytes = Vec::new();
        if file.take(LONGEST).read_to_end(&mut bytes).is_err() {
            return;
        }
        self.identity = Some(identity);
        self.upstreams = parse_resolv_conf(&String::from_utf8_lossy(&bytes), &bunker_sys::datagram::interface_index);
    }

    fn current_identity(&self) -> Option<Identity> {
        let found = fs::metadata(&self.path).ok().filter(fs::Metadata::is_file)?;
        let numbers = [found.dev(), found.ino(), found.size()].map(u64::cast_signed);
        let [device, inode, size] = numbers;
        Some([device, inode, size, found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()])
    }
}

#[cfg(test)]
#[path = "host_file_test.rs"]
mod tests;
