//! Pseudo-terminals (pty(7)): the keeper holds the master, the container's process has the other side as its terminal.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::SysResult;
use crate::raw::{check, own};

/// asm-generic/ioctls.h: _IO('T', 0x41).
const TIOCGPTPEER: u32 = 0x5441;

/// Unlocks a master and opens its other side by descriptor, without any path.
pub fn open_peer(master: BorrowedFd<'_>) -> SysResult<OwnedFd> {
    let unlock: libc::c_int = 0;
    // SAFETY: open descriptors; the int lives through the call; the second ioctl returns a fresh descriptor.
    unsafe {
        check(libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK as _, &raw const unlock), || {
            "ioctl(TIOCSPTLCK)".to_owned()
        })?;
        let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
        own(libc::ioctl(master.as_raw_fd(), TIOCGPTPEER as _, flags), || "ioctl(TIOCGPTPEER)".to_owned())
    }
}

/// Makes this terminal the one of this process's (new) session.
pub fn make_controlling(terminal: BorrowedFd<'_>) -> SysResult<()> {
    // SAFETY: open descriptor, integer argument.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY as _, 0) }, || "ioctl(TIOCSCTTY)".to_owned())
        .map(drop)
}

/// Sets the window size, which tells the foreground process by SIGWINCH.
pub fn set_size(terminal: BorrowedFd<'_>, rows: u16, columns: u16) -> SysResult<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: open descriptor; the size lives through the call.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ as _, &raw const size) }, || {
        format!("ioctl(TIOCSWINSZ, {rows}x{columns})")
    })
    .map(drop)
}
