//! Bridges, containers plugged into them, and the rules between them, in real network namespaces of a user's.
//! Its own main, because only a process with one thread can enter a user namespace.
#![allow(clippy::print_stdout)]

use bunker_network::namespace::{self, Network, Plug, Sockets, visit};
use bunker_network::netlink::Netlink;
use bunker_network::nft::{Port, Way};
use bunker_sys::SysResult;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::time::Duration;

const CASES: [(&str, fn()); 5] = [
    ("containers_of_a_network_reach_each_other", containers_of_a_network_reach_each_other),
    ("networks_do_not_reach_each_other", networks_do_not_reach_each_other),
    (
        "containers_of_an_isolated_network_reach_the_gateway_alone",
        containers_of_an_isolated_network_reach_the_gateway_alone,
    ),
    ("nobody_speaks_with_anothers_address", nobody_speaks_with_anothers_address),
    ("all_can_be_done_twice_and_leaves_nothing", all_can_be_done_twice_and_leaves_nothing),
];

fn main() {
    enter_user_namespace();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let cases: Vec<_> = CASES.iter().filter(|(name, _)| chosen(name)).collect();
    for (name, case) in &cases {
        case();
        println!("test {name} ... ok");
    }
    let (passed, left) = (cases.len(), CASES.len() - cases.len());
    println!("test result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; {left} filtered out");
}

fn enter_user_namespace() {
    let user = bunker_sys::credential::effective_user();
    bunker_sys::namespace::unshare(bunker_sys::namespace::USER).expect("a user namespace");
    fs::write("/proc/self/setgroups", "deny").expect("setgroups");
    fs::write("/proc/self/uid_map", format!("0 {user} 1")).expect("uid_map");
}

const MTU: u32 = 1500;
const LISTENER: u16 = 4_000;
/// For what must not come.
const PATIENCE: Duration = Duration::from_millis(300);
/// For what must: a link comes up late while the kernel takes other network namespaces down.
const LONG_PATIENCE: Duration = Duration::from_secs(5);

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// N with two networks, `br-one` and `br-two`.
struct World {
    inside: OwnedFd,
    sockets: Sockets,
}

/// A container's network namespace, plugged in.
struct Container {
    namespace: OwnedFd,
    port: Port,
}

fn network(name: &str, number: u8) -> Network {
    Network {
        bridge: format!("br-{name}"),
        mac: [2, 0, 0, 0, 0, number],
        mtu: MTU,
        gateways: vec![(ip4(number, 1), 24), (ip6(number, 1), 64)],
        internal: false,
        is_isolated: false,
    }
}

impl World {
    fn new() -> Self {
        let inside = namespace::make().expect("N");
        let mut sockets = visit(inside.as_fd(), || {
            Command::new("ip").args(["tuntap", "add", "tun0", "mode", "tun"]).status().expect("ip");
            let mut sockets = Sockets::open()?;
            sockets.settle(Way::Relay(LISTENER))?;
            Ok(sockets)
        })
        .expect("N settled");
        sockets.add_network(&network("one", 1)).expect("a network");
        sockets.add_network(&network("two", 2)).expect("a network");
        Self { inside, sockets }
    }

    fn container(&mut self, bridge: &str, number: u8) -> Container {
        let namespace = namespace::make().expect("a network namespace");
        let port = self.sockets.plug(&plug(bridge, number, &namespace)).expect("plugged in");
        Container { namespace, port }
    }

    fn count(&self, command: &[&str], part: &str) -> usize {
        let run = || Ok(Command::new(command[0]).args(&command[1..]).output().expect("a program"));
        let output = visit(self.inside.as_fd(), run).expect("a look into N");
        String::from_utf8_lossy(&output.stdout).matches(part).count()
    }
}

fn plug<'a>(bridge: &'a str, number: u8, namespace: &'a OwnedFd) -> Plug<'a> {
    let subnet = if bridge == "br-one" { 1 } else { 2 };
    Plug {
        bridge,
        port: ["veth0", "veth1", "veth2", "veth3"][usize::from(number - 2)],
        container: namespace.as_fd(),
        interface: "eth0",
        is_again: true,
        is_isolated: false,
        mac: [2, 0, 0, 1, subnet, number],
        mtu: MTU,
        addresses: vec![(ip4(subnet, number), 24), (ip6(subnet, number), 64)],
        default_gateways: vec![ip4(subnet, 1), ip6(subnet, 1)],
        routes: vec![((address("192.0.2.0"), 24), ip4(subnet, 1), Some(5))],
    }
}

fn ip4(subnet: u8, number: u8) -> IpAddr {
    address(&format!("10.89.{subnet}.{number}"))
}

fn ip6(subnet: u8, number: u8) -> IpAddr {
    address(&format!("fd00:{subnet}::{number}"))
}

impl Container {
    fn inside<T: Send>(&self, act: impl FnOnce() -> SysResult<T> + Send) -> T {
        visit(self.namespace.as_fd(), act).expect("a visit")
    }

    fn listen(&self, address: IpAddr) -> TcpListener {
        self.inside(|| Ok(TcpListener::bind((address, 80)).expect("a listener")))
    }

    fn connect(&self, to: impl Into<SocketAddr>) -> std::io::Result<TcpStream> {
        let to = to.into();
        self.inside(|| Ok(TcpStream::connect_timeout(&to, LONG_PATIENCE)))
    }

    fn cannot_connect(&self, to: impl Into<SocketAddr>) -> bool {
        let to = to.into();
        self.inside(|| Ok(TcpStream::connect_timeout(&to, PATIENCE).is_err()))
    }

    fn datagrams(&self, address: IpAddr) -> UdpSocket {
        let socket = self.inside(|| Ok(UdpSocket::bind((address, 5353)).expect("a socket")));
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket
    }
}

fn containers_of_a_network_reach_each_other() {
    let mut world = World::new();
    let (first, second) = (world.container("br-one", 2), world.container("br-one", 3));
    for (from, to) in [(ip4(1, 2), ip4(1, 3)), (ip6(1, 2), ip6(1, 3))] {
        let listener = second.listen(to);
        let mut client = first.connect((to, 80)).expect("a connection");
        client.write_all(b"hello").expect("sent");
        let (mut server, peer) = listener.accept().expect("accepted");
        assert_eq!(peer.ip(), from);
        let mut heard = [0; 5];
        server.read_exact(&mut heard).expect("heard");
        assert_eq!(&heard, b"hello");
    }
    let refused = first.connect((ip4(1, 3), 81)).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    // N itself answers at the gateway, with no for an answer; nothing of ours listens there but DNS.
    for gateway in [ip4(1, 1), ip6(1, 1)] {
        let refused = first.connect((gateway, 80)).expect_err("nobody may ask N");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    let server = visit(world.inside.as_fd(), || Ok(UdpSocket::bind((ip4(1, 1), 53)).expect("a socket"))).expect("N");
    first.datagrams(ip4(1, 2)).send_to(b"who?", (ip4(1, 1), 53)).expect("sent");
    server.set_read_timeout(Some(LONG_PATIENCE)).expect("a timeout");
    assert_eq!(server.recv_from(&mut [0; 9]).expect("a question").1.ip(), ip4(1, 2));
}

fn networks_do_not_reach_each_other() {
    let mut world = World::new();
    let (first, second) = (world.container("br-one", 2), world.container("br-two", 3));
    for to in [ip4(2, 3), ip6(2, 3)] {
        let _listener = second.listen(to);
        assert!(first.cannot_connect((to, 80)));
    }
    // The other network's gateway is an address of N's own: refused as ours is.
    assert!(first.cannot_connect((ip4(2, 1), 80)));
    let listener = second.datagrams(ip4(2, 3));
    first.datagrams(ip4(1, 2)).send_to(b"psst", (ip4(2, 3), 5353)).expect("sent");
    assert!(listener.recv_from(&mut [0; 9]).is_err());
}

fn containers_of_an_isolated_network_reach_the_gateway_alone() {
    let mut world = World::new();
    world.sockets.remove_network("br-two").expect("removed");
    world.sockets.add_network(&Network { is_isolated: true, ..network("two", 2) }).expect("a network");
    let (one, other) = (namespace::make().expect("a namespace"), namespace::make().expect("a namespace"));
    let mut bring = |number, namespace| {
        let plug = Plug { is_isolated: true, ..plug("br-two", number, namespace) };
        world.sockets.plug(&plug).expect("plugged in")
    };
    let (port, other_port) = (bring(2, &one), bring(3, &other));
    let (first, second) = (Container { namespace: one, port }, Container { namespace: other, port: other_port });
    for (to, gateway) in [(ip4(2, 3), ip4(2, 1)), (ip6(2, 3), ip6(2, 1))] {
        let _listener = second.listen(to);
        assert!(first.cannot_connect((to, 80)));
        let refused = first.connect((gateway, 80)).expect_err("nobody may ask N");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    // Nor where the one leaves it to N to find the other.
    first.inside(|| {
        for words in [
            "addr change 10.89.2.2/32 dev eth0",
            "route replace 10.89.2.1 dev eth0",
            "route replace 10.89.2.3 via 10.89.2.1",
        ] {
            assert!(Command::new("ip").args(words.split(' ')).status().expect("ip").success(), "{words}");
        }
        Ok(())
    });
    let listener = second.datagrams(ip4(2, 3));
    first.datagrams(ip4(2, 2)).send_to(b"psst", (ip4(2, 3), 5353)).expect("sent");
    assert!(listener.recv_from(&mut [0; 9]).is_err());
}

fn nobody_speaks_with_anothers_address() {
    let mut world = World::new();
    let (first, second) = (world.container("br-one", 2), world.container("br-one", 3));
    let listener = second.datagrams(ip4(1, 3));
    listener.set_read_timeout(Some(LONG_PATIENCE)).expect("a timeout");
    let honest = first.datagrams(ip4(1, 2));
    honest.send_to(b"me", (ip4(1, 3), 5353)).expect("sent");
    listener.set_read_timeout(Some(LONG_PATIENCE)).expect("a timeout");
    assert!(listener.recv_from(&mut [0; 9]).is_ok());
    for (taken, prefix) in [(ip4(1, 99), 24), (ip6(1, 99), 64)] {
        first.inside(|| {
            let mut route = Netlink::route()?;
            let link = route.link_index("eth0")?;
            route.add_address(link, taken, prefix)
        });
        let to = if taken.is_ipv4() { ip4(1, 3) } else { ip6(1, 3) };
        let listener = second.inside(|| Ok(UdpSocket::bind((to, 99)).expect("a socket")));
        listener.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let _ = first.datagrams(taken).send_to(b"not me", (to, 99));
        assert!(listener.recv_from(&mut [0; 9]).is_err(), "{taken} was heard");
    }
}

fn all_can_be_done_twice_and_leaves_nothing() {
    let mut world = World::new();
    let World { inside, sockets } = &mut world;
    visit(inside.as_fd(), || sockets.settle(Way::Relay(LISTENER))).expect("settled again");
    world.sockets.add_network(&network("one", 1)).expect("a network that is there");
    let first = world.container("br-one", 2);
    // Somebody died, and its successor finds all as it was: only nftables is new.
    let flow = first.listen(ip4(1, 2));
    let second = world.container("br-one", 3);
    let World { inside, sockets } = &mut world;
    visit(inside.as_fd(), || sockets.settle(Way::Relay(LISTENER))).expect("settled again");
    for name in ["one", "two"] {
        world.sockets.add_network(&network(name, if name == "one" { 1 } else { 2 })).expect("a network that is there");
    }
    for (container, number) in [(&first, 2), (&second, 3)] {
        let kept = world.sockets.plug(&plug("br-one", number, &container.namespace)).expect("still plugged in");
        assert_eq!(kept, container.port);
    }
    for family in ["-4", "-6"] {
        assert_eq!(world.count(&["ip", family, "rule"], "fwmark"), 2, "each rule once");
    }
    second.connect((ip4(1, 2), 80)).expect("a connection");
    drop(flow);
    // Its N was lost, and there is another one.
    let mut other = World::new();
    other.sockets.plug(&plug("br-one", 3, &second.namespace)).expect("plugged in there");
    assert!(second.connect((ip4(1, 1), 80)).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused));
    drop(other);
    // Another container has the name by now.
    let again = world.container("br-one", 2);
    let refused = again.connect((ip4(1, 1), 80)).expect_err("nobody may ask N");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    world.sockets.unplug(&first.port).expect("gone is well");
    world.sockets.unplug(&again.port).expect("unplugged");
    world.sockets.unplug(&again.port).expect("gone is well");
    assert_eq!(world.count(&["ip", "-o", "link"], "veth"), 0);
    assert_eq!(world.count(&["nft", "list", "set", "bridge", "bunker", "ports4"], "10.89"), 0);
    world.sockets.remove_network("br-one").expect("removed");
    world.sockets.remove_network("br-one").expect("gone is well");
    assert_eq!(world.count(&["ip", "-o", "link"], "br-one"), 0);
    let routes = again.inside(|| Ok(fs::read_to_string("/proc/thread-self/net/route").expect("routes")));
    assert_eq!(routes.lines().count(), 1, "its routes went with its end: {routes}");
}
