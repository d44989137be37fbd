//! TCP connections that are begun without waiting for them.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::datagram::RawAddress;
use crate::raw::{check, own};
use crate::{SysError, SysResult};

/// Begins to connect, from an address of ours if there is one. The socket can be written to when that is done, or has failed
/// (its pending error says how).
pub fn begin_connect(address: SocketAddr, source: Option<SocketAddr>) -> SysResult<OwnedFd> {
    let raw = RawAddress::from(address);
    let flags = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain calls; the addresses live through them.
    let (socket, result) = unsafe {
        let socket = own(libc::socket(raw.family(), flags, 0), || "socket(STREAM)".to_owned())?;
        if let Some(source) = source {
            let raw = RawAddress::from(source);
            check(libc::bind(socket.as_raw_fd(), raw.pointer(), raw.length()), || format!("bind({source})"))?;
        }
        let result = libc::connect(socket.as_raw_fd(), raw.pointer(), raw.length());
        (socket, result)
    };
    if result == 0 {
        return Ok(socket);
    }
    match SysError::last(format!("connect({address})")) {
        error if error.errno == libc::EINPROGRESS => Ok(socket),
        error => Err(error),
    }
}
