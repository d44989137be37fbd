//! Tun devices: whole IP packets by read and write (Documentation/networking/tuntap.rst).

use std::os::fd::{AsRawFd, OwnedFd};
use std::{mem, ptr};

use crate::SysResult;
use crate::client::files;
use crate::raw::check;

/// Makes a tun in the network namespace of this thread; it is there for as long as the descriptor is. Reads and writes never wait.
pub fn make(name: &str) -> SysResult<OwnedFd> {
    let tun = files::open("/dev/net/tun", libc::O_RDWR | libc::O_NONBLOCK)?;
    // SAFETY: ifreq is plain data, zero is a valid value of it; a name that is too long is cut before its last zero.
    let result = unsafe {
        let mut request: libc::ifreq = mem::zeroed();
        let room = request.ifr_name.len() - 1;
        for (slot, byte) in request.ifr_name[..room].iter_mut().zip(name.bytes()) {
            *slot = byte as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF as _, ptr::from_mut(&mut request))
    };
    check(result, || format!("ioctl(TUNSETIFF, {name})")).map(|_| tun)
}
