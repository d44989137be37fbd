//! A tun device: packets that the kernel routes to it are read, packets written appear as received on it.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::{mem, ptr};

use crate::raw::check;
use crate::{SysError, SysResult};

/// Makes a tun device of this name in the network namespace of the calling thread: whole IP packets without a header of the
/// device's own. It lives as long as the descriptor.
pub fn make(name: &str) -> SysResult<OwnedFd> {
    if name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        return Err(SysError::new(format!("a device named {name:?}"), libc::EINVAL));
    }
    let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let device = crate::client::files::open("/dev/net/tun", flags)?;
    // SAFETY: ifreq is plain data that lives through the call; the name fits with its zero.
    unsafe {
        let mut request: libc::ifreq = mem::zeroed();
        ptr::copy_nonoverlapping(name.as_ptr().cast(), request.ifr_name.as_mut_ptr(), name.len());
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        check(libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request), || {
            format!("ioctl({name:?}, TUNSETIFF)")
        })?;
    }
    Ok(device)
}

/// One packet, if one waits.
pub fn read(device: BorrowedFd<'_>, buffer: &mut [u8]) -> Option<usize> {
    // SAFETY: the buffer is valid for its length.
    let count = unsafe { libc::read(device.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(count).ok().filter(|count| *count > 0)
}

/// Whether the kernel took the packet.
pub fn write(device: BorrowedFd<'_>, packet: &[u8]) -> bool {
    // SAFETY: the packet is valid for its length.
    let count = unsafe { libc::write(device.as_raw_fd(), packet.as_ptr().cast(), packet.len()) };
    usize::try_from(count).is_ok_and(|count| count == packet.len())
}
