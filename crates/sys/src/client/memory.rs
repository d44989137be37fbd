//! A directory in memory that is nobody's but its owner's and has no name anywhere: for what root hands to the id that it becomes.

use std::os::fd::{AsRawFd, OwnedFd};

use super::files::{TreeEntry, make_tree};
use super::{check, path_of};
use crate::mount::{self, FilesystemContext};
use crate::{SysError, SysResult};

/// More than all settings of a user.
const SIZE: &str = "64m";

/// Makes it with these entries in it, all of them the owner's; whoever is executed next has its descriptor too.
pub fn handed_directory(entries: &[TreeEntry], (uid, gid): (u32, u32)) -> SysResult<OwnedFd> {
    let context = FilesystemContext::open("tmpfs")?;
    let (user, group) = (uid.to_string(), gid.to_string());
    for (key, value) in [("source", "bunker"), ("mode", "0700"), ("size", SIZE), ("uid", &user), ("gid", &group)] {
        context.set(key, value)?;
    }
    let mounted = context.mount(mount::NOSUID | mount::NODEV | mount::NOEXEC)?;
    let base = path_of(&mounted);
    make_tree(&base, entries)?;
    for entry in entries {
        let place = format!("{base}/{}", entry.path);
        std::os::unix::fs::lchown(&place, Some(uid), Some(gid))
            .map_err(|error| SysError::from_io(format!("lchown({place:?})"), &error))?;
    }
    // SAFETY: open descriptor, integer arguments.
    check(unsafe { libc::fcntl(mounted.as_raw_fd(), libc::F_SETFD, 0) }, || "fcntl(F_SETFD)".to_owned())?;
    Ok(mounted)
}
