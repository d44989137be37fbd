//! UDP sockets that are told which of this machine's addresses a datagram came to, so that the answer can leave from there:
//! whoever is bound to a wildcard address would otherwise answer from whichever address the route back suggests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use crate::SysResult;
use crate::inet::{self, Kind, Switch};

/// A socket for datagrams to this address, to be used with `inet::message`. An IPv6 socket takes no IPv4.
pub fn listen(address: SocketAddr) -> SysResult<OwnedFd> {
    let socket = inet::socket(Kind::Udp, address.ip())?;
    inet::enable(socket.as_fd(), Switch::Destination(address.is_ipv6()))?;
    if address.is_ipv6() {
        inet::enable(socket.as_fd(), Switch::OnlyV6)?;
    }
    inet::bind(socket.as_fd(), address)?;
    Ok(socket)
}

/// The number of an interface of this network namespace.
pub fn interface_index(name: &str) -> Option<u32> {
    // Not by if_nametoindex(3), which asks a unix socket: who may be confined to sockets of the internet asks here.
    let socket = inet::socket(Kind::Udp, IpAddr::V4(Ipv4Addr::LOCALHOST)).ok()?;
    let mut request = crate::raw::interface_request(name).ok()?;
    // SAFETY: ifreq lives through the call, which fills in the number alone.
    unsafe {
        let result = libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFINDEX as _, &raw mut request);
        (result == 0).then(|| request.ifr_ifru.ifru_ifindex.cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inet::{Moved, message};
    use std::net::UdpSocket;

    fn answers_from_where_it_was_asked(wildcard: &str, asked: &str) {
        let server = listen(wildcard.parse().expect("an address")).expect("binds");
        let port = inet::local_address(server.as_fd()).expect("bound").port();
        let mut asked: SocketAddr = asked.parse().expect("an address");
        asked.set_port(port);
        let client = UdpSocket::bind(if asked.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }).expect("binds");
        client.send_to(b"question", asked).expect("sends");
        let mut buffer = [0; 16];
        let arrived = message::receive(server.as_fd(), &mut buffer).expect("something");
        assert_eq!((arrived.length, arrived.to), (8, Some(asked.ip())));
        assert_eq!(arrived.from, client.local_addr().expect("bound"));
        assert!(matches!(message::receive(server.as_fd(), &mut buffer), Err(Moved::Later)));
        assert_eq!(message::send(server.as_fd(), b"answer", arrived.from, arrived.to), Moved::Bytes(6));
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
