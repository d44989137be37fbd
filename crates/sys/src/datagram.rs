//! UDP sockets that know which of this machine's addresses a datagram came to, so that the answer can leave from there:
//! somebody bound to a wildcard address would otherwise answer from whichever address the route back suggests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::{mem, ptr};

use crate::raw::{check, own, retry};
use crate::{SysError, SysResult};

/// A datagram that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Longer than the buffer: it was cut.
    pub length: usize,
    pub from: SocketAddr,
    /// Which of our addresses it was sent to, and through which interface it came.
    pub to: IpAddr,
    pub interface: u32,
}

/// A socket address as the kernel wants it.
pub(crate) enum RawAddress {
    V4(libc::sockaddr_in),
    V6(libc::sockaddr_in6),
}

impl From<SocketAddr> for RawAddress {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => Self::V4(libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            }),
            SocketAddr::V6(address) => Self::V6(libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: address.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            }),
        }
    }
}

impl RawAddress {
    pub(crate) fn family(&self) -> libc::c_int {
        match self {
            Self::V4(_) => libc::AF_INET,
            Self::V6(_) => libc::AF_INET6,
        }
    }

    pub(crate) fn pointer(&self) -> *const libc::sockaddr {
        match self {
            Self::V4(address) => ptr::from_ref(address).cast(),
            Self::V6(address) => ptr::from_ref(address).cast(),
        }
    }

    pub(crate) fn length(&self) -> libc::socklen_t {
        let size = match self {
            Self::V4(address) => size_of_val(address),
            Self::V6(address) => size_of_val(address),
        };
        size as libc::socklen_t
    }
}

/// Room for one control message with either kind of packet information, aligned as cmsg(3) wants.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// A socket for datagrams to this address. An IPv6 socket takes no IPv4.
pub fn listen(address: SocketAddr) -> SysResult<OwnedFd> {
    let raw = RawAddress::from(address);
    let flags = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain calls; the address lives through them.
    unsafe {
        let socket = own(libc::socket(raw.family(), flags, 0), || "socket(DGRAM)".to_owned())?;
        if address.is_ipv4() {
            set(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO)?;
        } else {
            set(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)?;
            set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?;
        }
        check(libc::bind(socket.as_raw_fd(), raw.pointer(), raw.length()), || format!("bind({address})"))?;
        Ok(socket)
    }
}

/// The number of an interface of this network namespace.
pub fn interface_index(name: &str) -> Option<u32> {
    let name = crate::raw::c_string(name.as_bytes()).ok()?;
    // SAFETY: a string with its NUL; longer names than an interface's are none.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

fn set(socket: &OwnedFd, level: libc::c_int, option: libc::c_int) -> SysResult<()> {
    let on: libc::c_int = 1;
    // SAFETY: an int of its own size.
    let result = unsafe {
        let size = size_of_val(&on) as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(&on).cast(), size)
    };
    check(result, || format!("setsockopt({level}, {option})")).map(drop)
}

/// The next datagram; `None` when there is none now.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> SysResult<Option<Arrival>> {
    let mut control = Control([0; 64]);
    // SAFETY: all zero is a valid value of both.
    let (mut name, mut message): (libc::sockaddr_storage, libc::msghdr) = unsafe { mem::zeroed() };
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = size_of_val(&name) as libc::socklen_t;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: everything that the message points to is alive and as long as it says.
    let attempt = || unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_TRUNC) };
    let length = match retry(attempt, || "recvmsg(datagram)".to_owned()) {
        Err(error) if error.errno == libc::EAGAIN => return Ok(None),
        other => other?,
    };
    let (Some(from), Some((to, interface))) = (source(&name), destination(&message)) else {
        return Err(SysError::new("recvmsg(datagram) without addresses", libc::EPROTO));
    };
    Ok(Some(Arrival { length, from, to, interface }))
}

fn source(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says what this is; the storage is large and aligned enough for any address.
            let raw = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
            let address = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(address, u16::from_be(raw.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let raw = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
            let address = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(address, u16::from_be(raw.sin6_port), 0, raw.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn destination(message: &libc::msghdr) -> Option<(IpAddr, u32)> {
    // SAFETY: the kernel has written whole control messages, and said how many bytes of them.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            let data = libc::CMSG_DATA(header);
            match ((*header).cmsg_level, (*header).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let information: libc::in_pktinfo = ptr::read_unaligned(data.cast());
                    let address = Ipv4Addr::from(information.ipi_addr.s_addr.to_ne_bytes());
                    return Some((address.into(), u32::try_from(information.ipi_ifindex).unwrap_or(0)));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let information: libc::in6_pktinfo = ptr::read_unaligned(data.cast());
                    return Some((Ipv6Addr::from(information.ipi6_addr.s6_addr).into(), information.ipi6_ifindex));
                }
                _ => header = libc::CMSG_NXTHDR(message, header),
            }
        }
    }
    None
}

/// Answers a datagram, from the address it came to.
pub fn answer(socket: BorrowedFd<'_>, bytes: &[u8], arrival: &Arrival) -> SysResult<()> {
    let raw = RawAddress::from(arrival.from);
    let mut control = Control([0; 64]);
    // SAFETY: all zero is a valid message header.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_name = raw.pointer().cast_mut().cast();
    message.msg_namelen = raw.length();
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    match arrival.to {
        IpAddr::V4(address) => {
            let specific = libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
            // The route chooses the interface.
            let information =
                libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: specific, ipi_addr: libc::in_addr { s_addr: 0 } };
            put(&mut message, (libc::IPPROTO_IP, libc::IP_PKTINFO), information);
        }
        IpAddr::V6(address) => {
            // An address of one link alone means nothing without its interface.
            let interface = if address.is_unicast_link_local() { arrival.interface } else { 0 };
            let specific = libc::in6_addr { s6_addr: address.octets() };
            let information = libc::in6_pktinfo { ipi6_addr: specific, ipi6_ifindex: interface };
            put(&mut message, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), information);
        }
    }
    // SAFETY: everything that the message points to is alive and as long as it says; sendmsg only reads it.
    let attempt = || unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
    retry(attempt, || format!("sendmsg({} bytes, {})", bytes.len(), arrival.from)).map(drop)
}

/// Writes the one control message of `message`, whose control buffer is a `Control`.
fn put<T: Copy>(message: &mut libc::msghdr, (level, kind): (libc::c_int, libc::c_int), value: T) {
    let size = size_of::<T>() as libc::c_uint;
    // SAFETY: a Control has room for one message with either kind of packet information (at most 20 bytes, header 16).
    unsafe {
        message.msg_controllen = libc::CMSG_SPACE(size) as _;
        let header = libc::CMSG_FIRSTHDR(message);
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(size) as _;
        ptr::write_unaligned(libc::CMSG_DATA(header).cast(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    fn answers_from_where_it_was_asked(wildcard: &str, asked: &str) {
        let server = listen(wildcard.parse().expect("an address")).expect("binds");
        let port = UdpSocket::from(server.try_clone().expect("duplicates")).local_addr().expect("bound").port();
        let mut asked: SocketAddr = asked.parse().expect("an address");
        asked.set_port(port);
        let client = UdpSocket::bind(if asked.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }).expect("binds");
        client.send_to(b"question", asked).expect("sends");
        let mut buffer = [0; 4];
        let arrival = receive(server.as_fd(), &mut buffer).expect("receives").expect("something");
        assert_eq!((arrival.length, arrival.to), (8, asked.ip()));
        assert_eq!(arrival.from, client.local_addr().expect("bound"));
        assert_eq!(receive(server.as_fd(), &mut buffer), Ok(None));
        answer(server.as_fd(), b"answer", &arrival).expect("sends");
        let mut buffer = [0; 16];
        assert_eq!(client.recv_from(&mut buffer).expect("an answer"), (6, asked));
    }

    #[test]
    fn interfaces_have_numbers() {
        assert_eq!(interface_index("lo"), Some(1));
        assert_eq!(interface_index("no-such-interface-at-all"), None);
        assert_eq!(interface_index("l\0o"), None);
    }

    #[test]
    fn an_answer_leaves_from_the_address_that_was_asked() {
        answers_from_where_it_was_asked("0.0.0.0:0", "127.0.0.7:0");
        answers_from_where_it_was_asked("[::]:0", "[::1]:0");
    }
}
