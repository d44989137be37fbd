//! Internet sockets: making, options, connecting and accepting without waiting, bytes, and messages with what the kernel tells
//! beside them (ip(7), ipv6(7), udp(7), icmp(7)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::{mem, ptr};

use crate::raw::{check, own};
use crate::{SysError, SysResult};

pub mod message;

/// What is left of a `sockaddr_in6` and the like, as the kernel wants it.
pub(crate) struct RawAddress {
    pub(crate) storage: libc::sockaddr_storage,
    pub(crate) length: libc::socklen_t,
}

impl RawAddress {
    pub(crate) fn empty() -> Self {
        // SAFETY: sockaddr_storage is plain data.
        Self { storage: unsafe { mem::zeroed() }, length: size_of::<libc::sockaddr_storage>() as libc::socklen_t }
    }

    pub(crate) fn of(address: SocketAddr) -> Self {
        let mut raw = Self::empty();
        // SAFETY: a sockaddr_storage is large and aligned enough for each kind of address.
        unsafe {
            match address {
                SocketAddr::V4(v4) => {
                    let target = &mut *ptr::from_mut(&mut raw.storage).cast::<libc::sockaddr_in>();
                    target.sin_family = libc::AF_INET as libc::sa_family_t;
                    target.sin_port = v4.port().to_be();
                    target.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                    raw.length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
                }
                SocketAddr::V6(v6) => {
                    let target = &mut *ptr::from_mut(&mut raw.storage).cast::<libc::sockaddr_in6>();
                    target.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                    target.sin6_port = v6.port().to_be();
                    target.sin6_addr.s6_addr = v6.ip().octets();
                    target.sin6_scope_id = v6.scope_id();
                    raw.length = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
                }
            }
        }
        raw
    }

    pub(crate) fn read(&self) -> Option<SocketAddr> {
        // SAFETY: the family says which kind of address the storage holds.
        unsafe { socket_address(ptr::from_ref(&self.storage).cast()) }
    }
}

/// The address behind a pointer, if it is an internet address.
///
/// # Safety
/// The pointer leads to a whole address of the family that it begins with.
pub(crate) unsafe fn socket_address(address: *const libc::sockaddr) -> Option<SocketAddr> {
    // SAFETY: promised by the caller; read unaligned because control messages align to less.
    unsafe {
        match i32::from(ptr::read_unaligned(address).sa_family) {
            libc::AF_INET => {
                let v4 = ptr::read_unaligned(address.cast::<libc::sockaddr_in>());
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::new(ip.into(), u16::from_be(v4.sin_port)))
            }
            libc::AF_INET6 => {
                let v6 = ptr::read_unaligned(address.cast::<libc::sockaddr_in6>());
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(std::net::SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    Udp,
    /// An echo request and its reply (icmp(7)), if the host allows them to this user's group.
    Ping,
}

/// A non-blocking socket of the family of this address, in the network namespace of the calling thread.
pub fn socket(kind: Kind, family_of: IpAddr) -> SysResult<OwnedFd> {
    let is_v6 = family_of.is_ipv6();
    let family = if is_v6 { libc::AF_INET6 } else { libc::AF_INET };
    let (style, protocol) = match kind {
        Kind::Tcp => (libc::SOCK_STREAM, 0),
        Kind::Udp => (libc::SOCK_DGRAM, 0),
        Kind::Ping => (libc::SOCK_DGRAM, if is_v6 { libc::IPPROTO_ICMPV6 } else { libc::IPPROTO_ICMP }),
    };
    // SAFETY: integer arguments.
    let made = unsafe { libc::socket(family, style | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, protocol) };
    own(made, || format!("socket({kind:?}, {family})"))
}

/// Options that are on or off.
#[derive(Clone, Copy, Debug)]
pub enum Switch {
    /// Addresses that are not of this host (IP_TRANSPARENT).
    Transparent(bool),
    /// ICMP errors come as errors and in the error queue (IP_RECVERR).
    Errors(bool),
    /// Which of our addresses a datagram came to (IP_PKTINFO).
    Destination(bool),
    OnlyV6,
    ReuseAddress,
    KeepAlive,
    NoDelay,
    /// Urgent data is received at its place among the rest (SO_OOBINLINE).
    UrgentInline,
    /// A port is chosen by where the connection goes, not by binding (IP_BIND_ADDRESS_NO_PORT).
    PortWhenConnecting,
}

pub fn enable(socket: BorrowedFd<'_>, switch: Switch) -> SysResult<()> {
    let (level, option) = match switch {
        Switch::Transparent(false) => (libc::IPPROTO_IP, libc::IP_TRANSPARENT),
        Switch::Transparent(true) => (libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT),
        Switch::Errors(false) => (libc::IPPROTO_IP, libc::IP_RECVERR),
        Switch::Errors(true) => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
        Switch::Destination(false) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        Switch::Destination(true) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        Switch::OnlyV6 => (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
        Switch::ReuseAddress => (libc::SOL_SOCKET, libc::SO_REUSEADDR),
        Switch::KeepAlive => (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
        Switch::NoDelay => (libc::IPPROTO_TCP, libc::TCP_NODELAY),
        Switch::UrgentInline => (libc::SOL_SOCKET, libc::SO_OOBINLINE),
        Switch::PortWhenConnecting => (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT),
    };
    set_option(socket, (level, option), &1_i32, || format!("setsockopt({switch:?})"))
}

/// The next close sends a reset instead of an end.
pub fn reset_on_close(socket: BorrowedFd<'_>) -> SysResult<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    set_option(socket, (libc::SOL_SOCKET, libc::SO_LINGER), &linger, || "setsockopt(SO_LINGER)".to_owned())
}

fn set_option<T>(
    socket: BorrowedFd<'_>,
    (level, option): (i32, i32),
    value: &T,
    call: impl FnOnce() -> String,
) -> SysResult<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: plain data of the length given.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(value).cast(), length) };
    check(result, call).map(drop)
}

/// The error that waits at a socket (and is forgotten by asking); 0: none.
pub fn take_error(socket: BorrowedFd<'_>) -> i32 {
    let mut error = 0_i32;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: an int of the length given.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR, (&raw mut error).cast(), &raw mut length)
    };
    if result < 0 { libc::EBADF } else { error }
}

pub fn bind(socket: BorrowedFd<'_>, address: SocketAddr) -> SysResult<()> {
    let raw = RawAddress::of(address);
    // SAFETY: the address lives through the call.
    let result = unsafe { libc::bind(socket.as_raw_fd(), ptr::from_ref(&raw.storage).cast(), raw.length) };
    check(result, || format!("bind({address})")).map(drop)
}

pub fn listen(socket: BorrowedFd<'_>, backlog: i32) -> SysResult<()> {
    // SAFETY: integers only.
    check(unsafe { libc::listen(socket.as_raw_fd(), backlog) }, || format!("listen({backlog})")).map(drop)
}

/// Begins to connect. Whether that is done already.
pub fn connect(socket: BorrowedFd<'_>, address: SocketAddr) -> SysResult<bool> {
    let raw = RawAddress::of(address);
    // SAFETY: the address lives through the call.
    let result = unsafe { libc::connect(socket.as_raw_fd(), ptr::from_ref(&raw.storage).cast(), raw.length) };
    match check(result, || format!("connect({address})")) {
        Ok(_) => Ok(true),
        Err(error) if error.errno == libc::EINPROGRESS => Ok(false),
        Err(error) => Err(error),
    }
}

/// The next connection and whom it is from; `None` when there is none (any more).
pub fn accept(listener: BorrowedFd<'_>) -> SysResult<Option<(OwnedFd, SocketAddr)>> {
    let mut raw = RawAddress::empty();
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the address is valid for the length that goes with it.
    let accepted = unsafe {
        libc::accept4(listener.as_raw_fd(), ptr::from_mut(&mut raw.storage).cast(), &raw mut raw.length, flags)
    };
    match own(accepted, || "accept4()".to_owned()) {
        Ok(socket) => match raw.read() {
            Some(peer) => Ok(Some((socket, peer))),
            None => Err(SysError::new("accept4()", libc::EAFNOSUPPORT)),
        },
        Err(error) if error.errno == libc::EAGAIN => Ok(None),
        Err(error) => Err(error),
    }
}

/// The address a socket is bound to: behind a transparent listener, the one the client wanted.
pub fn local_address(socket: BorrowedFd<'_>) -> SysResult<SocketAddr> {
    let mut raw = RawAddress::empty();
    // SAFETY: the address is valid for the length that goes with it.
    let result =
        unsafe { libc::getsockname(socket.as_raw_fd(), ptr::from_mut(&mut raw.storage).cast(), &raw mut raw.length) };
    check(result, || "getsockname()".to_owned())?;
    raw.read().ok_or_else(|| SysError::new("getsockname()", libc::EAFNOSUPPORT))
}

/// Ends the sending half of a connection.
pub fn end_sending(socket: BorrowedFd<'_>) {
    // SAFETY: integers only. It fails where the connection has ended altogether: nothing is left to tell.
    unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_WR) };
}

/// What a call that moves bytes without waiting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// This many; 0 while reading: the end.
    Bytes(usize),
    /// Nothing to read, or no room to write.
    Later,
    /// The connection is over, with this error.
    Failed(i32),
}

/// Repeats what a signal interrupts, and sorts the outcome. Errors here are numbers: they come by the thousand.
pub(crate) fn moved(mut attempt: impl FnMut() -> isize) -> Moved {
    loop {
        if let Ok(count) = usize::try_from(attempt()) {
            return Moved::Bytes(count);
        }
        match std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO) {
            libc::EINTR => {}
            libc::EAGAIN => return Moved::Later,
            errno => return Moved::Failed(errno),
        }
    }
}

/// Looks at what has been received and leaves it there.
pub fn peek(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Moved {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: the buffer is valid for its length.
    moved(|| unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), flags) })
}

/// Drops this many received bytes of a TCP connection (tcp(7), MSG_TRUNC).
pub fn discard(socket: BorrowedFd<'_>, count: usize) -> Moved {
    let flags = libc::MSG_TRUNC | libc::MSG_DONTWAIT;
    // SAFETY: with MSG_TRUNC, TCP writes nothing to the buffer.
    moved(|| unsafe { libc::recv(socket.as_raw_fd(), ptr::null_mut(), count, flags) })
}

pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Moved {
    // SAFETY: the buffer is valid for its length.
    moved(|| unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) })
}

pub fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> Moved {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the bytes are valid for their length.
    moved(|| unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// A TCP listener of these switches.
pub fn listener(address: SocketAddr, switches: &[Switch], backlog: i32) -> SysResult<OwnedFd> {
    let socket = socket(Kind::Tcp, address.ip())?;
    for switch in switches {
        enable(socket.as_fd(), *switch)?;
    }
    bind(socket.as_fd(), address)?;
    listen(socket.as_fd(), backlog)?;
    Ok(socket)
}
