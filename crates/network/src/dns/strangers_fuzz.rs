//! What strangers send, damaged: by containers, by name servers, in the host's resolv.conf. Whatever it is, it is
//! read to an end, answers keep to their limits, and nothing is asked for a container that has no way out.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::message::{Reading, read_question};
use super::packet_text::{answer, question};
use super::*;

fn zone() -> Zone {
    let mut zone = Zone::default();
    zone.set_network("net", false);
    zone.set_network("closed", true);
    for (id, network, address) in [("a", "net", "10.0.0.2"), ("b", "net", "fd00::2"), ("c", "closed", "10.1.0.2")] {
        let place = Attachment {
            network: network.to_owned(),
            addresses: vec![address.parse().expect("an address")],
            aliases: vec!["www".to_owned(), "x.example.org".to_owned()],
            ..Attachment::default()
        };
        let attachments = vec![place];
        zone.set_container(Container {
            id: id.to_owned(),
            name: format!("name-{id}"),
            attachments,
            ..Container::default()
        });
    }
    zone
}

/// A question on its way, and these bytes as what a name server says.
fn hear(asked: &Question, bytes: &[u8], transport: Transport) {
    let mut forwarder = Forwarder::new(|| 0x1234);
    let upstreams = Upstreams { servers: vec!["192.0.2.1:53".parse().expect("an address")], ..Upstreams::default() };
    let now = Instant::now();
    let container = "a".to_owned();
    forwarder.ask(asked.clone(), Asker { container, transport, client: () }, &upstreams, now);
    forwarder.receive(1, bytes.to_vec(), now);
    forwarder.receive(2, bytes.to_vec(), now);
    forwarder.expire(now + Duration::from_secs(60));
    forwarder.expire(now + Duration::from_secs(120));
    let mut answers = 0;
    while let Some(action) = forwarder.next_action() {
        if let Action::Answer { packet, .. } = action {
            answers += 1;
            assert!(packet.len() <= asked.limit(transport));
            assert_eq!(packet[..2], asked.id.to_be_bytes());
        }
    }
    assert_eq!(answers, 1);
}

#[test]
fn under_the_fuzzer() {
    let words = ["www A", "name-b.net AAAA udp=1232", "example.org TXT do", "2.0.0.10.in-addr.arpa PTR"];
    let mut seeds: Vec<_> = words.iter().map(|words| question(words)).collect();
    let mut said = question("example.org A udp=1232");
    said[2] |= 0x80;
    seeds.push(said);
    let pieces: [&[u8]; 6] = [b"\xc0\x0c", b"\x00\x00\x29", b"\x03www", b"\x07in-addr\x04arpa", b"\x03ip6", b"\x3f"];
    let zone = zone();
    let Reading::Question(asked) = read_question(&question("example.org A udp=1232")) else { panic!("a question") };
    let sources: Vec<IpAddr> = ["10.0.0.2", "fd00::2", "10.1.0.2", "192.0.2.9"]
        .iter()
        .map(|source| source.parse().expect("an address"))
        .collect();
    crate::fuzz::run(&seeds, &pieces, |bytes| {
        for (source, transport) in sources.iter().zip([Transport::Udp, Transport::Tcp, Transport::Udp, Transport::Tcp])
        {
            match zone.respond(bytes, *source, (transport, bytes.len())) {
                Verdict::Silence => (),
                Verdict::Answer(packet) => drop(answer(&packet)),
                Verdict::Forward { question, .. } => {
                    assert!(*source == sources[0] || *source == sources[1], "{source}");
                    hear(&question, bytes, transport);
                }
            }
        }
        hear(&asked, bytes, Transport::Udp);
        hear(&asked, bytes, Transport::Tcp);
    });
}

/// The host's own file, which a user may have made of anything.
#[test]
fn resolv_conf_under_the_fuzzer() {
    let seeds = [
        b"nameserver 192.0.2.1\noptions rotate timeout:1 attempts:3\nnameserver fe80::1%eth0\n".to_vec(),
        b"# none\nsearch example.org\n; none\n".to_vec(),
        b"options use-vc ndots:5\noptions attempts:99\tnameserver 10.0.0.1\nnameserver ::1%7\n".to_vec(),
    ];
    let pieces: [&[u8]; 7] = [b"nameserver ", b"options ", b"timeout:", b"attempts:", b"use-vc", b"%", b"\n"];
    crate::fuzz::run(&seeds, &pieces, |bytes| {
        let found = parse_resolv_conf(&String::from_utf8_lossy(bytes), &|name| name.len().try_into().ok());
        assert!(found.servers.len() <= 3 && (1..=5).contains(&found.attempts));
        assert!((1..=30).contains(&found.timeout.as_secs()));
    });
}
