//! Netlink sockets (netlink(7)). A socket stays in the network namespace of the thread that opened it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use crate::raw::{check, own, retry};
use crate::{SysError, SysResult};

/// Links, addresses, routes and rules: rtnetlink(7).
pub const ROUTE: i32 = libc::NETLINK_ROUTE;
/// nftables among others.
pub const NETFILTER: i32 = libc::NETLINK_NETFILTER;

/// A socket of one of netlink's protocols, whose errors say in words what was wrong.
pub fn open(protocol: i32) -> SysResult<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
    // SAFETY: integer arguments.
    let socket =
        own(unsafe { libc::socket(libc::AF_NETLINK, kind, protocol) }, || format!("socket(netlink {protocol})"))?;
    for option in [libc::NETLINK_EXT_ACK, libc::NETLINK_CAP_ACK] {
        turn_on(socket.as_fd(), option)?;
    }
    Ok(socket)
}

fn turn_on(socket: BorrowedFd<'_>, option: i32) -> SysResult<()> {
    let one: libc::c_int = 1;
    // SAFETY: an int and its size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            option,
            ptr::from_ref(&one).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    check(result, || format!("setsockopt(netlink {option})")).map(drop)
}

/// Sends whole messages to the kernel, which has dealt with them when this returns (but for lists, which come as they are read).
pub fn send(socket: BorrowedFd<'_>, messages: &[u8]) -> SysResult<()> {
    // SAFETY: a slice and its length; without an address the message goes to the kernel.
    let attempt = || unsafe { libc::send(socket.as_raw_fd(), messages.as_ptr().cast(), messages.len(), 0) };
    retry(attempt, || "send(netlink)".to_owned()).map(drop)
}

/// What the kernel has answered, or `None` when there is nothing (more).
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> SysResult<Option<usize>> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: a slice and its length.
    let attempt = || unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), flags) };
    match retry(attempt, || "recv(netlink)".to_owned()) {
        Ok(length) if length > buffer.len() => Err(SysError::new("recv(netlink)", libc::EMSGSIZE)),
        Ok(length) => Ok(Some(length)),
        Err(error) if error.errno == libc::EAGAIN => Ok(None),
        Err(error) => Err(error),
    }
}
