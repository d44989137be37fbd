//! A tun device: packets that the kernel routes to it are read, packets written appear as received on it.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::SysResult;
use crate::raw::{check, interface_request};

/// Makes a tun device of this name in the network namespace of the calling thread: whole IP packets without a header of the
/// device's own. It lives as long as the descriptor.
pub fn make(name: &str) -> SysResult<OwnedFd> {
    let mut request = interface_request(name)?;
    let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let device = crate::client::files::open("/dev/net/tun", flags)?;
    // SAFETY: ifreq lives through the call.
    unsafe {
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
