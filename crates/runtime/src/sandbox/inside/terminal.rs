//! The container's terminal: its master goes to the keeper, its other side becomes the process's streams and /dev/console.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{mount, path, terminal};

use super::device;
use crate::failure::{Failure, FailureCode};

/// DEVPTS_SUPER_MAGIC (statfs(2)).
const DEVPTS: i64 = 0x1cd1;
/// The group that the devpts mount gives its terminals stays.
const KEEP_GROUP: u32 = u32::MAX;

pub(in crate::sandbox) struct Terminal {
    pub(in crate::sandbox) master: OwnedFd,
    pub(in crate::sandbox) peer: OwnedFd,
}

/// A new terminal of this devpts instance, owned by `user`; `size` is rows and columns, 0: not known.
pub(in crate::sandbox) fn open_terminal(
    terminals: BorrowedFd<'_>,
    user: u32,
    size: (u16, u16),
) -> Result<Terminal, Failure> {
    let flags = path::O_RDWR | path::O_NOCTTY | path::O_NOFOLLOW;
    let master = path::open_at2(terminals, b"ptmx", flags, path::RESOLVE_NO_SYMLINKS)?;
    let is_ours = mount::filesystem_type(master.as_fd())? == DEVPTS
        && path::status(master.as_fd())?.node == path::device_number(5, 2);
    if !is_ours {
        return Err(Failure::new(FailureCode::System, "the container's /dev/pts/ptmx is not a terminal multiplexer"));
    }
    let peer = terminal::open_peer(master.as_fd())?;
    path::change_owner(peer.as_fd(), (user, KEEP_GROUP))?;
    if size.0 > 0 && size.1 > 0 {
        terminal::set_size(master.as_fd(), size.0, size.1)?;
    }
    Ok(Terminal { master, peer })
}

/// Attaches the terminal at /dev/console: from its descriptor, so that nothing can stand in for it (CVE-2025-52565).
pub(super) fn bind_console(devices: BorrowedFd<'_>, peer: BorrowedFd<'_>) -> Result<(), Failure> {
    let target = device::make_target(devices, "console")?;
    let clone = mount::clone_of(peer, false)?;
    mount::set_attributes(clone.as_fd(), mount::NOSUID | mount::NOEXEC, mount::PRIVATE, false)?;
    Ok(mount::attach(clone.as_fd(), target.as_fd())?)
}
