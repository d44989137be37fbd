//! UDP and echo requests out: bytes, sizes, refusals, policy.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use super::Case;
use super::tcp::eventually;
use super::world::{INTERNAL, OPEN, OUTSIDE, STRANGER, WITH_HOST, World, ip};
use bunker_sys::inet::{self, Kind, Moved};
use bunker_sys::poll;

pub const CASES: &[Case] = &[
    ("datagrams_of_all_sizes_are_echoed", datagrams_of_all_sizes_are_echoed),
    ("a_closed_port_refuses_datagrams", a_closed_port_refuses_datagrams),
    ("unreachable_is_told_to_datagrams", unreachable_is_told_to_datagrams),
    ("policy_holds_for_datagrams", policy_holds_for_datagrams),
    ("datagrams_reach_the_host_where_that_is_allowed", datagrams_reach_the_host_where_that_is_allowed),
    ("a_flow_follows_the_hosts_routes", a_flow_follows_the_hosts_routes),
    ("many_flows_are_bounded", many_flows_are_bounded),
    ("pings_are_answered", pings_are_answered),
];

const PATIENCE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn socket_from(world: &World, from: &str) -> UdpSocket {
    let socket = world.container.run(|| UdpSocket::bind((ip(from), 0)).expect("a socket"));
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// Answers `count` datagrams with themselves.
fn echo(socket: UdpSocket, count: usize) -> thread::JoinHandle<()> {
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        for _ in 0..count {
            let (length, from) = socket.recv_from(&mut buffer).expect("received");
            socket.send_to(&buffer[..length], from).expect("sent");
        }
    })
}

fn datagrams_of_all_sizes_are_echoed(world: &World) {
    const SIZES: [usize; 9] = [0, 1, 1200, 1472, 1473, 4000, 20_000, 40_001, 65_000];
    for (address, from) in OUTSIDE.into_iter().zip(OPEN) {
        let server = world.outside.run(|| UdpSocket::bind((ip(address), 0)).expect("a socket"));
        let to = server.local_addr().expect("an address");
        let serving = echo(server, SIZES.len());
        let client = socket_from(world, from);
        for size in SIZES {
            let bytes: Vec<u8> = (0..size).map(|index| ((index * 7) >> 2) as u8).collect();
            client.send_to(&bytes, to).expect("sent");
            let mut buffer = vec![0; 65_536];
            let (length, answered) = client.recv_from(&mut buffer).unwrap_or_else(|e| panic!("{size} to {to}: {e}"));
            assert_eq!((answered, buffer[..length] == bytes), (to, true), "{size} bytes");
        }
        serving.join().expect("served");
    }
}

/// What comes of a datagram: an errno, or nothing in this time.
fn error_of(world: &World, from: &str, to: SocketAddr, patience: Duration) -> Option<i32> {
    let client = socket_from(world, from);
    client.set_read_timeout(Some(patience)).expect("a timeout");
    client.connect(to).expect("connected");
    // All but a closed port is told only to those who ask for it.
    inet::enable(client.as_fd(), inet::Switch::Errors(to.is_ipv6())).expect("errors");
    client.send(b"anybody?").expect("sent");
    let error = client.recv(&mut [0; 16]).expect_err("no answer");
    error.raw_os_error().filter(|_| error.kind() != ErrorKind::WouldBlock)
}

const ECONNREFUSED: i32 = 111;
const EHOSTUNREACH: i32 = 113;
const ENETUNREACH: i32 = 101;
const EACCES: i32 = 13;

fn a_closed_port_refuses_datagrams(world: &World) {
    for (address, from) in OUTSIDE.into_iter().zip(OPEN) {
        let to = SocketAddr::new(ip(address), 9999);
        for _ in 0..2 {
            assert_eq!(error_of(world, from, to, PATIENCE), Some(ECONNREFUSED), "{to}");
        }
    }
}

fn unreachable_is_told_to_datagrams(world: &World) {
    let cases = [
        (OPEN[0], "203.0.113.1", EHOSTUNREACH),
        (OPEN[0], "203.0.113.2", EHOSTUNREACH),
        (OPEN[1], "2001:db8:1::1", EHOSTUNREACH),
        (OPEN[1], "2001:db8:1::2", EACCES),
    ];
    for (from, to, errno) in cases {
        assert_eq!(error_of(world, from, SocketAddr::new(ip(to), 53), PATIENCE), Some(errno), "{to}");
    }
}

fn policy_holds_for_datagrams(world: &World) {
    for (index, address) in OUTSIDE.into_iter().enumerate() {
        let to = SocketAddr::new(ip(address), 9999);
        assert_eq!(error_of(world, INTERNAL[index], to, PATIENCE), Some(ENETUNREACH));
        assert_eq!(error_of(world, STRANGER[index], to, SHORT), None);
    }
    for to in ["169.254.169.254", "169.254.1.2", "10.90.0.2"] {
        assert_eq!(error_of(world, OPEN[0], SocketAddr::new(ip(to), 53), PATIENCE), Some(EHOSTUNREACH), "{to}");
    }
    for to in ["fd00:6275:6e6b::2", "fd00:90::2"] {
        assert_eq!(error_of(world, OPEN[1], SocketAddr::new(ip(to), 53), PATIENCE), Some(EACCES), "{to}");
    }
}

fn datagrams_reach_the_host_where_that_is_allowed(world: &World) {
    let cases = [("169.254.1.2", "127.0.0.1"), ("fd00:6275:6e6b::2", "::1")];
    for (from, (special, loopback)) in WITH_HOST.into_iter().zip(cases) {
        let server = world.host.run(|| UdpSocket::bind((ip(loopback), 0)).expect("a socket"));
        let to = SocketAddr::new(ip(special), server.local_addr().expect("an address").port());
        let serving = echo(server, 1);
        let client = socket_from(world, from);
        client.send_to(b"host", to).expect("sent");
        assert_eq!(client.recv_from(&mut [0; 16]).expect("answered"), (4, to));
        serving.join().expect("served");
    }
}

/// Whoever sends from one port for ever is seen as whoever begins to.
fn a_flow_follows_the_hosts_routes(world: &World) {
    world.host.shell("ip addr add 10.100.0.9/24 dev h0; ip -6 addr add fd00:100::9/64 dev h0 nodad preferred_lft 0");
    let cases = [("ip", "10.100.0.2", "10.100.0.9"), ("ip -6", "fd00:100::2", "fd00:100::9")];
    for ((address, from), (program, gateway, new)) in OUTSIDE.into_iter().zip(OPEN).zip(cases) {
        let server = world.outside.run(|| UdpSocket::bind((ip(address), 0)).expect("a socket"));
        server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let client = socket_from(world, from);
        let seen_as = || {
            client.send_to(b"x", server.local_addr().expect("an address")).expect("sent");
            server.recv_from(&mut [0; 16]).expect("received").1
        };
        let before = seen_as();
        assert_eq!(before, seen_as(), "it keeps its port while nothing changes");
        world.host.shell(&format!("{program} route replace default via {gateway} src {new}"));
        eventually("the new address", || seen_as().ip() == ip(new));
        server.send_to(b"answer", seen_as()).expect("sent");
        assert_eq!(client.recv_from(&mut [0; 16]).expect("answered").0, 6);
        world.host.shell(&format!("{program} route replace default via {gateway}"));
    }
    world.host.shell("ip addr del 10.100.0.9/24 dev h0; ip -6 addr del fd00:100::9/64 dev h0");
}

fn many_flows_are_bounded(world: &World) {
    const MOST: usize = 1024;
    // Its addresses of both kinds have together what a container has.
    for (from, to) in OPEN.into_iter().zip(["203.0.113.9", "2001:db8:1::9"]) {
        let client = socket_from(world, from);
        for port in 20_000..21_500 {
            client.send_to(b"x", (ip(to), port)).expect("sent");
        }
    }
    // Nobody answers there, and nobody refuses.
    eventually("as many as are allowed", || world.relay.statistics().datagrams >= MOST);
    thread::sleep(Duration::from_millis(50));
    let used_before = 20;
    assert!(world.relay.statistics().datagrams <= MOST + used_before);
    OPEN.iter().for_each(|address| world.relay.forget(ip(address)));
    world.allow();
    eventually("none are left", || world.relay.statistics().datagrams <= used_before);
}

/// Asks for an echo, and returns what came.
fn ping(world: &World, (from, to): (&str, &str), size: usize, patience: Duration) -> Result<Vec<u8>, i32> {
    world.container.run(|| {
        let socket = inet::socket(Kind::Ping, ip(to)).expect("a ping socket");
        inet::enable(socket.as_fd(), inet::Switch::Errors(ip(to).is_ipv6())).expect("errors");
        inet::bind(socket.as_fd(), SocketAddr::new(ip(from), 0)).expect("bound");
        inet::connect(socket.as_fd(), SocketAddr::new(ip(to), 0)).expect("connected");
        let mut request = vec![if ip(to).is_ipv6() { 128 } else { 8 }, 0, 0, 0, 0, 0, 0, 7];
        request.extend((0..size).map(|index| index as u8));
        assert_eq!(inet::send(socket.as_fd(), &request), Moved::Bytes(request.len()));
        let mut watch = [poll::Watch::new(socket.as_fd(), true, false)];
        let milliseconds = i32::try_from(patience.as_millis()).expect("small");
        poll::wait(&mut watch, milliseconds).expect("poll");
        let mut buffer = vec![0; 65_536];
        match inet::receive(socket.as_fd(), &mut buffer) {
            Moved::Bytes(count) => Ok(buffer[6..count].to_vec()),
            Moved::Later => Err(0),
            Moved::Failed(errno) => Err(errno),
        }
    })
}

fn pings_are_answered(world: &World) {
    for (from, to) in OPEN.into_iter().zip(OUTSIDE) {
        for size in [0, 56, 3000, 20_000] {
            let wanted: Vec<u8> = [0, 7].into_iter().chain((0..size).map(|index| index as u8)).collect();
            assert!(ping(world, (from, to), size, PATIENCE) == Ok(wanted), "{size} bytes to {to}");
        }
    }
    assert_eq!(ping(world, (OPEN[0], "203.0.113.1"), 8, PATIENCE), Err(EHOSTUNREACH));
    assert_eq!(ping(world, (OPEN[1], "2001:db8:1::1"), 8, PATIENCE), Err(EHOSTUNREACH));
    assert_eq!(ping(world, (OPEN[0], "169.254.1.2"), 8, PATIENCE), Err(EHOSTUNREACH));
    assert_eq!(ping(world, (INTERNAL[0], OUTSIDE[0]), 8, PATIENCE), Err(ENETUNREACH));
    assert_eq!(ping(world, (STRANGER[0], OUTSIDE[0]), 8, SHORT), Err(0));
}
