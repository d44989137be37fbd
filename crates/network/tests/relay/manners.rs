//! How datagrams and echo requests are carried out, and what comes back of those that do not arrive.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::Case;
use super::tcp::eventually;
use super::world::{OPEN, OUTSIDE, World, ip};
use bunker_sys::inet::message::{Manner, Refusal, carry_as, receive_error};
use bunker_sys::inet::{self, Kind, Moved, Switch};

pub const CASES: &[Case] = &[
    ("a_router_that_lets_nothing_further_is_known", a_router_that_lets_nothing_further_is_known),
    ("a_class_of_service_arrives", a_class_of_service_arrives),
    ("what_nobody_may_cut_is_told_how_long_it_may_be", what_nobody_may_cut_is_told_how_long_it_may_be),
];

const USUAL: Manner = Manner { hops: 64, service: 0, is_uncut: false };
/// Who would lead further, outside.
const ROUTER: [&str; 2] = ["10.100.0.2", "fd00:100::2"];

/// A socket of the container's that hears of errors on the way.
fn socket(world: &World, kind: Kind, (from, to): (&str, SocketAddr), manner: Manner) -> OwnedFd {
    world.container.run(|| {
        let socket = inet::socket(kind, to.ip()).expect("a socket");
        inet::enable(socket.as_fd(), Switch::Errors(to.is_ipv6())).expect("errors");
        carry_as(socket.as_fd(), to.is_ipv6(), manner).expect("a manner");
        inet::bind(socket.as_fd(), SocketAddr::new(ip(from), 0)).expect("bound");
        inet::connect(socket.as_fd(), to).expect("connected");
        socket
    })
}

fn error_of(socket: BorrowedFd<'_>) -> Refusal {
    let mut told = None;
    eventually("an error", || {
        told = receive_error(socket);
        told.is_some()
    });
    told.expect("an error")
}

fn a_router_that_lets_nothing_further_is_known(world: &World) {
    // Its way leads from the router back to the host, which nothing comes to.
    let far = ["198.51.100.1", "2001:db8:2::1"];
    for index in [0, 1] {
        let exceeded = Some([(11, 0), (3, 0)][index]);
        let teller = |socket: &OwnedFd| {
            let Refusal { icmp, teller, .. } = error_of(socket.as_fd());
            assert_eq!(icmp, exceeded);
            teller
        };
        // The gateway first, whose kernel is a router; then the first beyond the host.
        for (hops, router) in [(1, ["10.89.0.1", "fd00:89::1"][index]), (2, ROUTER[index])] {
            let manner = Manner { hops, ..USUAL };
            let asks = socket(world, Kind::Udp, (OPEN[index], SocketAddr::new(ip(far[index]), 33_434)), manner);
            assert_eq!(inet::send(asks.as_fd(), b"how far?"), Moved::Bytes(8));
            assert_eq!(teller(&asks), Some(ip(router)), "a datagram of {hops}");
            let pings = socket(world, Kind::Ping, (OPEN[index], SocketAddr::new(ip(far[index]), 0)), manner);
            let request = [if index == 1 { 128 } else { 8 }, 0, 0, 0, 0, 0, 0, 1];
            assert_eq!(inet::send(pings.as_fd(), &request), Moved::Bytes(8));
            assert_eq!(teller(&pings), Some(ip(router)), "a request of {hops}");
        }
    }
}

fn a_class_of_service_arrives(world: &World) {
    /// Expedited forwarding (RFC 3246), beside the two bits of congestion.
    const EXPEDITED: u8 = 46 << 2;
    for (from, to) in OPEN.into_iter().zip(OUTSIDE) {
        let server = world.outside.run(|| UdpSocket::bind((ip(to), 12)).expect("a socket"));
        server.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        // All but the second are dropped there.
        for (word, service) in [(b'1', 0), (b'2', EXPEDITED)] {
            let asks = socket(world, Kind::Udp, (from, SocketAddr::new(ip(to), 12)), Manner { service, ..USUAL });
            assert_eq!(inet::send(asks.as_fd(), &[word]), Moved::Bytes(1));
        }
        let mut heard = [0];
        server.recv(&mut heard).expect("the one that may");
        assert_eq!(heard, [b'2']);
    }
}

fn what_nobody_may_cut_is_told_how_long_it_may_be(world: &World) {
    const EMSGSIZE: i32 = 90;
    for (index, narrow) in ["192.0.2.77", "2001:db8::77"].into_iter().enumerate() {
        let narrow: IpAddr = ip(narrow);
        world.outside.shell(&format!("ip addr add {narrow} dev lo"));
        let server = world.outside.run(|| UdpSocket::bind((narrow, 0)).expect("a socket"));
        server.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let manner = Manner { is_uncut: true, ..USUAL };
        let asks = socket(world, Kind::Udp, (OPEN[index], server.local_addr().expect("an address")), manner);
        assert_eq!(inet::send(asks.as_fd(), &[1; 1400]), Moved::Bytes(1400));
        let Refusal { errno, information, .. } = error_of(asks.as_fd());
        assert_eq!((errno, information), (EMSGSIZE, 1300));
        inet::take_error(asks.as_fd());
        assert_eq!(inet::send(asks.as_fd(), &[1; 1400]), Moved::Failed(EMSGSIZE), "the container knows it now");
        assert_eq!(inet::send(asks.as_fd(), &[2; 1200]), Moved::Bytes(1200));
        let mut heard = [0; 1500];
        assert_eq!(server.recv(&mut heard).expect("what fits"), 1200);
    }
}
