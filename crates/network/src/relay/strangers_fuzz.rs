//! What a container may put into the tun, damaged: it is read to an end, and whatever it is answered with is a packet that is
//! whole, goes back to where it came from, and is none that we would answer.

use bunker_sys::inet::message::Manner;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use super::fragments::Fragments;
use super::packet::build::{Builder, Reason};
use super::packet::{Body, Fragment, Packet, UDP, parse, parse_body};
use super::policy::Owner;

fn check(answers: &[Vec<u8>], about: &Packet<'_>) {
    for bytes in answers {
        let answer = parse(bytes).expect("a packet");
        assert_eq!(answer.whole.len(), bytes.len());
        assert_eq!((answer.source, answer.destination), (about.destination, about.source));
        assert!(match answer.body {
            Body::Tcp(segment) => segment.is_reset && !segment.is_bare_syn,
            Body::Other => true,
            _ => false,
        });
    }
}

#[test]
fn packets_under_the_fuzzer() {
    let (one, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(1, 1, 1, 1));
    let (six, far) = (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    let ends: [(SocketAddr, SocketAddr); 2] =
        [((one, 1000).into(), (other, 53).into()), ((six, 1000).into(), (far, 53).into())];
    let mut builder = Builder::new(1280);
    let mut seeds: Vec<Vec<u8>> = ends.iter().flat_map(|(from, to)| builder.datagram(*from, *to, &[7; 1500])).collect();
    let errors: Vec<Vec<u8>> = seeds
        .iter()
        .filter_map(|bytes| parse(bytes))
        .flat_map(|packet| builder.error(Reason::TooBig(1400), &packet, packet.destination))
        .collect();
    seeds.extend(errors);
    // SYNs and echo requests, whose checksums the fuzzer would not find.
    seeds.push(b"\x45\0\0\x28\0\0\0\0\x40\x06\x6f\xcd\x0a\0\0\x01\x01\x01\x01\x01\x04\0\0\x50\0\0\0\x01\0\0\0\0\x50\x02\xff\xff\0\0\0\0".to_vec());
    seeds.push(
        [
            &[0x60, 0, 0, 0, 0, 20, 6, 64][..],
            &six.octets(),
            &far.octets(),
            &[4, 0, 0, 80],
            &[0; 8],
            &[0x50, 2, 0, 0, 0, 0, 0, 0],
        ]
        .concat(),
    );
    let words: [&[u8]; 4] = [&[0x45], &[0x60], &[44, 64], &[0, 0, 58, 0]];
    let mut fragments = Fragments::new();
    crate::fuzz::run(&seeds, &words, |bytes| {
        let Some(packet) = parse(bytes) else { return };
        assert!(bytes.starts_with(packet.whole));
        check(&builder.error(Reason::NoRoute, &packet, packet.destination), &packet);
        match packet.body {
            Body::Tcp(segment) => check(&builder.reset(&packet, segment), &packet),
            Body::Fragment(piece) => {
                let whole = fragments.add((Owner(1), &packet), &piece, Instant::now());
                whole.iter().for_each(|whole| {
                    parse_body(piece.protocol, whole, (packet.source, packet.destination));
                });
            }
            _ => {}
        }
    });
}

/// Pieces of several datagrams, as they like: whatever is put together has each byte where it belongs.
#[test]
fn pieces_under_the_fuzzer() {
    let about = Packet {
        source: IpAddr::from([10, 0, 0, 1]),
        destination: IpAddr::from([10, 0, 0, 2]),
        manner: Manner::default(),
        body: Body::Other,
        whole: &[],
    };
    let content: Vec<u8> = (0..80_000_usize).map(|at| (at ^ (at >> 8)).to_le_bytes()[0]).collect();
    // Which datagram, where in units of 8 bytes, whether it is the last (and what it has beyond whole units), how many units.
    let seeds = [
        vec![1, 0, 0, 0, 2, 1, 0, 2, 0x81, 1],
        vec![1, 0, 2, 0x83, 1, 2, 0, 0, 0, 9, 1, 0, 0, 0, 2],
        vec![3, 0x1f, 0xff, 0x80, 1],
    ];
    crate::fuzz::run(&seeds, &[&[0x80, 1], &[0x1f, 0xff]], |bytes| {
        let mut fragments = Fragments::new();
        for record in bytes.chunks_exact(5) {
            let [datagram, high, low, flags, units] = *record else { continue };
            let offset = usize::from(u16::from_be_bytes([high & 0x1f, low])) * 8;
            let data = &content[offset..offset + usize::from(units) * 8 + usize::from(flags & 7)];
            let (identification, is_last) = (datagram.into(), flags & 0x80 != 0);
            let piece = Fragment { identification, protocol: UDP, offset, is_last, data };
            if let Some(whole) = fragments.add((Owner(1), &about), &piece, Instant::now()) {
                assert!(content.starts_with(&whole));
            }
        }
        fragments.forget(about.source);
        assert!(fragments.is_empty());
    });
}
