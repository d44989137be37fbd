//! Published ports: who the container sees, what the client sees.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use super::Case;
use super::tcp::eventually;
use super::world::{OPEN, OUTSIDE, Place, World, ip};
use bunker_network::relay::{Port, PortNumber, Protocol};

pub const CASES: &[Case] = &[
    ("a_published_port_shows_the_client_as_it_is", a_published_port_shows_the_client_as_it_is),
    ("a_client_of_the_host_is_seen_as_the_gateway", a_client_of_the_host_is_seen_as_the_gateway),
    ("a_container_that_refuses_resets_the_client", a_container_that_refuses_resets_the_client),
    ("an_unpublished_port_is_closed", an_unpublished_port_is_closed),
    ("many_clients_at_once", many_clients_at_once),
    ("a_published_udp_port_shows_the_client_as_it_is", a_published_udp_port_shows_the_client_as_it_is),
    ("a_udp_client_of_the_host_is_seen_as_the_gateway", a_udp_client_of_the_host_is_seen_as_the_gateway),
];

const PATIENCE: Duration = Duration::from_secs(20);
const HOST: [&str; 2] = ["10.100.0.1", "fd00:100::1"];
const GATEWAY: [&str; 2] = ["10.89.0.1", "fd00:89::1"];

fn publish_tcp(world: &World, index: usize, target: SocketAddr) -> (SocketAddr, PortNumber) {
    let any = ["0.0.0.0", "::"][index];
    let listener = world.host.run(|| TcpListener::bind((ip(any), 0)).expect("a listener"));
    let port = listener.local_addr().expect("an address").port();
    let number = publish(world, Protocol::Tcp, listener.into(), target);
    (SocketAddr::new(ip(HOST[index]), port), number)
}

fn publish(world: &World, protocol: Protocol, socket: std::os::fd::OwnedFd, target: SocketAddr) -> PortNumber {
    let gateway = ip(GATEWAY[usize::from(target.is_ipv6())]);
    world.relay.publish(Port { protocol, socket, target, gateway }).expect("published")
}

fn serve(world: &World, index: usize) -> (TcpListener, SocketAddr) {
    let listener = world.container.run(|| TcpListener::bind((ip(OPEN[index]), 0)).expect("a listener"));
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn connect(place: &Place, to: SocketAddr) -> TcpStream {
    let stream = place.run(|| TcpStream::connect(to).expect("connected"));
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Says something both ways, with ends.
fn converse(client: &mut TcpStream, server: &mut TcpStream) {
    server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    tell(client, server);
    tell(server, client);
}

fn tell(speaker: &mut TcpStream, listener: &mut TcpStream) {
    let mut heard = Vec::new();
    let said = vec![9; 300_000];
    thread::scope(|scope| {
        scope.spawn(|| {
            speaker.write_all(&said).expect("written");
            speaker.shutdown(Shutdown::Write).expect("half closed");
        });
        listener.read_to_end(&mut heard).expect("read");
    });
    assert!(heard == said);
}

fn a_published_port_shows_the_client_as_it_is(world: &World) {
    for index in [0, 1] {
        let (listener, target) = serve(world, index);
        let (to, number) = publish_tcp(world, index, target);
        for _ in 0..3 {
            let mut client = connect(&world.outside, to);
            let (mut server, peer) = listener.accept().expect("accepted");
            assert_eq!(peer, client.local_addr().expect("an address"), "the client's own address and port");
            converse(&mut client, &mut server);
        }
        world.relay.unpublish(number);
    }
}

fn seen_from_host(world: &World, to: SocketAddr, listener: &TcpListener) -> IpAddr {
    let mut client = connect(&world.host, to);
    let (mut server, peer) = listener.accept().expect("accepted");
    converse(&mut client, &mut server);
    peer.ip()
}

fn a_client_of_the_host_is_seen_as_the_gateway(world: &World) {
    for (index, loopback) in ["127.0.0.1", "::1"].into_iter().enumerate() {
        let (listener, target) = serve(world, index);
        let (to, number) = publish_tcp(world, index, target);
        let to = SocketAddr::new(ip(loopback), to.port());
        assert_eq!(seen_from_host(world, to, &listener), ip(GATEWAY[index]));
        world.relay.unpublish(number);
    }
    // A container that has only IPv4 serves clients of IPv6, too; one of IPv4 by an IPv6 socket is seen as it is.
    let (listener, target) = serve(world, 0);
    let (to, number) = publish_tcp(world, 1, target);
    let client = connect(&world.outside, to);
    assert_eq!(listener.accept().expect("accepted").1.ip(), ip(GATEWAY[0]));
    drop(client);
    let client = connect(&world.outside, SocketAddr::new(ip(HOST[0]), to.port()));
    assert_eq!(listener.accept().expect("accepted").1, client.local_addr().expect("an address"));
    world.relay.unpublish(number);
}

fn a_container_that_refuses_resets_the_client(world: &World) {
    for index in [0, 1] {
        let (listener, target) = serve(world, index);
        drop(listener);
        let (to, number) = publish_tcp(world, index, target);
        let mut client = connect(&world.outside, to);
        let error = client.read(&mut [0]).expect_err("a reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        world.relay.unpublish(number);
    }
}

fn an_unpublished_port_is_closed(world: &World) {
    let (listener, target) = serve(world, 0);
    let (to, number) = publish_tcp(world, 0, target);
    let mut client = connect(&world.outside, to);
    let (mut server, _) = listener.accept().expect("accepted");
    world.relay.unpublish(number);
    eventually("closed", || world.outside.run(|| TcpStream::connect(to)).is_err());
    converse(&mut client, &mut server);
}

fn many_clients_at_once(world: &World) {
    const COUNT: usize = 500;
    let (listener, target) = serve(world, 0);
    bunker_sys::inet::listen(std::os::fd::AsFd::as_fd(&listener), 4096).expect("a longer queue");
    let (to, number) = publish_tcp(world, 0, target);
    let clients: Vec<_> =
        world.outside.run(|| (0..COUNT).map(|_| TcpStream::connect(to).expect("connected")).collect());
    let mut servers = Vec::new();
    for client in clients {
        let (mut server, _) = listener.accept().expect("accepted");
        server.write_all(b"x").expect("written");
        drop(server);
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        servers.push(client);
    }
    for mut client in servers {
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).expect("read");
        assert_eq!(heard, b"x");
    }
    eventually("all are over", || world.relay.statistics().inward == 0);
    world.relay.unpublish(number);
}

fn publish_udp(world: &World, index: usize, target: SocketAddr) -> (SocketAddr, PortNumber) {
    let any = ["0.0.0.0", "::"][index];
    let socket = world.host.run(|| UdpSocket::bind((ip(any), 0)).expect("a socket"));
    let port = socket.local_addr().expect("an address").port();
    let number = publish(world, Protocol::Udp, socket.into(), target);
    (SocketAddr::new(ip(HOST[index]), port), number)
}

fn datagram_socket(place: &Place, address: &str) -> UdpSocket {
    let socket = place.run(|| UdpSocket::bind((ip(address), 0)).expect("a socket"));
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket
}

/// Asks and answers; whom the container sees.
fn exchange(client: &UdpSocket, server: &UdpSocket, to: SocketAddr, size: usize) -> SocketAddr {
    let mut buffer = vec![0; 65_536];
    let question = vec![3; size];
    client.send_to(&question, to).expect("sent");
    let (length, seen) = server.recv_from(&mut buffer).expect("received");
    assert!(buffer[..length] == question);
    let answer = vec![4; size + 1];
    server.send_to(&answer, seen).expect("answered");
    let (length, from) = client.recv_from(&mut buffer).expect("an answer");
    assert!(buffer[..length] == answer && from == to, "{length} bytes from {from}");
    seen
}

fn a_published_udp_port_shows_the_client_as_it_is(world: &World) {
    for index in [0, 1] {
        let server = datagram_socket(&world.container, OPEN[index]);
        let (to, number) = publish_udp(world, index, server.local_addr().expect("an address"));
        for address in [OUTSIDE[index], ["10.100.0.2", "fd00:100::2"][index]] {
            let client = datagram_socket(&world.outside, address);
            for size in [1, 1000, 20_000] {
                assert_eq!(exchange(&client, &server, to, size), client.local_addr().expect("an address"));
            }
        }
        world.relay.unpublish(number);
    }
    // A client of IPv4 by an IPv6 socket.
    let server = datagram_socket(&world.container, OPEN[0]);
    let (to, number) = publish_udp(world, 1, server.local_addr().expect("an address"));
    let client = datagram_socket(&world.outside, OUTSIDE[0]);
    let to = SocketAddr::new(ip(HOST[0]), to.port());
    assert_eq!(exchange(&client, &server, to, 100), client.local_addr().expect("an address"));
    world.relay.unpublish(number);
    eventually("all are gone", || world.relay.statistics().clients == 0);
}

fn a_udp_client_of_the_host_is_seen_as_the_gateway(world: &World) {
    for (index, loopback) in ["127.0.0.1", "::1"].into_iter().enumerate() {
        let server = datagram_socket(&world.container, OPEN[index]);
        let (to, number) = publish_udp(world, index, server.local_addr().expect("an address"));
        let to = SocketAddr::new(ip(loopback), to.port());
        let clients = [datagram_socket(&world.host, loopback), datagram_socket(&world.host, loopback)];
        let seen = clients.map(|client| [1, 20_000].map(|size| exchange(&client, &server, to, size)));
        assert!(seen.iter().flatten().all(|seen| seen.ip() == ip(GATEWAY[index])));
        assert!(seen[0][0] == seen[0][1] && seen[1][0] == seen[1][1] && seen[0][0] != seen[1][0]);
        world.relay.unpublish(number);
    }
}
