//! /dev: the host's own harmless devices, attached by descriptor, and the customary links. A container can make no device.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{SysError, file, mount, path};

use crate::failure::{Failure, FailureCode};

/// Name, major and minor number: each is checked before it is shown.
const DEVICES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

const DIRECTORIES: [&str; 3] = ["pts", "shm", "mqueue"];

/// Fills the (attached) tmpfs at /dev.
pub(super) fn fill(devices: BorrowedFd<'_>) -> Result<(), Failure> {
    for directory in DIRECTORIES {
        path::make_directory_at(devices, directory.as_bytes(), 0o755)?;
    }
    for (name, target) in LINKS {
        path::make_symlink_at(target.as_bytes(), devices, name.as_bytes())?;
    }
    for (name, major, minor) in DEVICES {
        let device = open_device(name, major, minor)?;
        let clone = mount::clone_of(device.as_fd(), false)?;
        mount::set_attributes(clone.as_fd(), mount::NOSUID | mount::NOEXEC, mount::PRIVATE, false)?;
        let target = make_target(devices, name)?;
        mount::attach(clone.as_fd(), target.as_fd())?;
    }
    Ok(())
}

/// A device that a flag names, wherever links lead: a mount of it, the only kind without nodev, and what it shows.
pub(super) fn open_asked_for(source: &str) -> Result<(OwnedFd, OwnedFd), Failure> {
    let refused =
        |error: &SysError| Failure::system(FailureCode::BadPath, &format!("adding device \"{source}\""), error);
    let opened = file::open(source, path::O_PATH).map_err(|error| refused(&error))?;
    if !matches!(path::status(opened.as_fd())?.kind(), path::S_IFCHR | path::S_IFBLK) {
        return Err(Failure::new(FailureCode::BadPath, format!("adding device \"{source}\": not a device node")));
    }
    let mounted = mount::clone_of(opened.as_fd(), false).map_err(|error| refused(&error))?;
    mount::set_attributes(mounted.as_fd(), mount::NOSUID | mount::NOEXEC, mount::PRIVATE, false)?;
    Ok((mounted, opened))
}

/// An empty file for a mount to lie on.
pub(super) fn make_target(directory: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Failure> {
    let flags = path::O_CREAT | path::O_EXCL | path::O_NOFOLLOW | path::O_RDONLY;
    Ok(path::open_at(directory, name.as_bytes(), flags, 0o644)?)
}

/// One of the host's devices, surely that one (CVE-2025-31133 was about another in its place).
pub(super) fn open_device(name: &str, major: u32, minor: u32) -> Result<OwnedFd, Failure> {
    let place = format!("/dev/{name}");
    let device = file::open(&place, path::O_PATH | path::O_NOFOLLOW)?;
    let status = path::status(device.as_fd())?;
    if status.kind() == path::S_IFCHR && status.node == path::device_number(major, minor) {
        return Ok(device);
    }
    Err(Failure::new(FailureCode::HostRefused, format!("\"{place}\" of the host is not the device it should be")))
}
