use super::*;
use crate::dns::packet_text::{answer, question};
use crate::dns::{Attachment, Container};
use bunker_sys::datagram;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Any listener's and any datagram socket's address on the loopback device, where 127.0.0.1 is a container.
fn server() -> (Server, SocketAddr, SocketAddr) {
    let mut server = Server::new("/nonexistent".into(), Box::new(HostSide));
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.set_nonblocking(true).expect("does not block");
    let socket = datagram::listen("127.0.0.1:0".parse().expect("an address")).expect("binds");
    let stream_address = listener.local_addr().expect("bound");
    let datagram_address = inet::local_address(socket.as_fd()).expect("bound");
    server.add(Inside { datagrams: vec![socket], listeners: vec![listener.into()] });
    server.zone().set_network("net", false);
    let addresses = vec!["127.0.0.1".parse().expect("an address")];
    let place = Attachment { network: "net".to_owned(), addresses, aliases: Vec::new(), ..Attachment::default() };
    let (id, name) = ("a".repeat(64), "a".to_owned());
    server.zone().set_container(Container { id, name, attachments: vec![place], ..Container::default() });
    (server, stream_address, datagram_address)
}

fn all_ready(server: &mut Server, now: Instant) {
    let tokens: Vec<_> = server.interests().iter().map(|interest| interest.token).collect();
    tokens.into_iter().for_each(|token| server.ready(token, now));
}

#[test]
fn a_connection_has_ten_seconds_from_its_last_question_and_cut_ones_do_not_count() {
    let (mut server, address, _) = server();
    let start = Instant::now();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let asked = question("a A");
    let frame = [&[0, u8::try_from(asked.len()).expect("short")], &asked[..]].concat();
    let mut asks = TcpStream::connect(address).expect("connects");
    let mut trickles = TcpStream::connect(address).expect("connects");
    all_ready(&mut server, at(0));
    assert_eq!(server.clients.len(), 2);
    assert_eq!(server.deadline(), Some(at(10)));
    asks.write_all(&frame).expect("sends");
    trickles.write_all(&frame[..9]).expect("sends");
    all_ready(&mut server, at(6));
    server.tick(at(9));
    assert_eq!(server.clients.len(), 2);
    server.tick(at(10));
    assert_eq!(server.clients.len(), 1);
    assert_eq!(server.deadline(), Some(at(16)));
    let mut reply = vec![0; 2 + 64];
    let count = asks.read(&mut reply).expect("an answer");
    assert_eq!(answer(&reply[2..count]), "NOERROR, A 127.0.0.1");
    server.tick(at(16));
    assert!(server.clients.is_empty() && server.deadline().is_none());
    assert_eq!(trickles.read(&mut reply).expect("an end"), 0);
}

#[test]
fn without_name_servers_the_world_is_unknown_but_containers_are_not() {
    let (mut server, _, address) = server();
    let client = UdpSocket::bind("127.0.0.1:0").expect("binds");
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    for (words, expected) in [("a.net A", "NOERROR, A 127.0.0.1"), ("example.org A", "SERVFAIL")] {
        client.send_to(&question(words), address).expect("sends");
        all_ready(&mut server, Instant::now());
        let mut reply = [0; 512];
        let count = client.recv(&mut reply).expect("an answer");
        assert_eq!(answer(&reply[..count]), expected);
    }
}

#[test]
fn what_is_taken_away_is_not_answered_at_any_more() {
    let (mut server, address, _) = server();
    let tokens: Vec<_> = server.interests().iter().map(|interest| interest.token).collect();
    assert_eq!(server.remove(&tokens).len(), 2);
    assert!(server.remove(&tokens).is_empty() && server.interests().is_empty());
    tokens.iter().for_each(|token| server.ready(*token, Instant::now()));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_listener_rests_when_there_is_nothing_to_accept_with() {
    let (mut server, ..) = server();
    let start = Instant::now();
    server.set_deaf_until(Some(start + Duration::from_secs(1)));
    let listens = |server: &Server| server.interests().iter().filter(|interest| interest.is_readable_wanted).count();
    server.tick(start);
    assert_eq!((listens(&server), server.deadline()), (1, Some(start + Duration::from_secs(1))));
    server.tick(start + Duration::from_secs(1));
    assert_eq!((listens(&server), server.deadline()), (2, None));
}
