use super::build::{Builder, Reason};
use super::*;
use proptest::prelude::*;

fn v4(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 1, 0, last).into()
}

fn v6(last: u16) -> IpAddr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last).into()
}

fn pairs() -> [(IpAddr, IpAddr); 2] {
    [(v4(1), v4(2)), (v6(1), v6(2))]
}

/// A SYN as a kernel sends it, without options.
fn syn((source, destination): (IpAddr, IpAddr), flags: u8) -> Vec<u8> {
    let about =
        Packet { source: destination, destination: source, manner: Manner::default(), body: Body::Other, whole: &[] };
    let segment = Segment {
        source_port: 80,
        destination_port: 4000,
        sequence: 0,
        is_bare_syn: false,
        acknowledgement: Some(7),
        length: 0,
        is_reset: false,
    };
    let mut packet = Builder::new(1500).reset(&about, segment).remove(0);
    let at = packet.len() - 7;
    packet[at] = flags;
    packet
}

#[test]
fn a_syn_is_answered_by_a_reset_that_acknowledges_it() {
    for ends in pairs() {
        let bytes = syn(ends, SYN);
        let packet = parse(&bytes).expect("a packet");
        let Body::Tcp(segment) = packet.body else { panic!("{packet:?}") };
        assert!(segment.is_bare_syn);
        assert_eq!((segment.source_port, segment.destination_port, segment.sequence), (4000, 80, 7));
        let answer = Builder::new(1500).reset(&packet, segment).remove(0);
        let back = parse(&answer).expect("a packet");
        let Body::Tcp(reset) = back.body else { panic!("{back:?}") };
        assert_eq!((back.source, back.destination), (ends.1, ends.0));
        assert!(reset.is_reset && !reset.is_bare_syn);
        assert_eq!(reset.acknowledgement, Some(8));
        let header = answer.len() - 20;
        assert_eq!(checksum::with_ends(&answer[header..], TCP, (ends.1, ends.0)), 0);
    }
}

#[test]
fn only_a_bare_syn_is_one() {
    for (flags, is_bare) in [(SYN, true), (SYN | 0xc0, true), (SYN | 8, true), (SYN | ACK, false), (ACK, false)] {
        let bytes = syn(pairs()[0], flags);
        let Some(Packet { body: Body::Tcp(segment), .. }) = parse(&bytes) else { panic!("flags {flags}") };
        assert_eq!(segment.is_bare_syn, is_bare, "flags {flags:#x}");
    }
    for flags in [SYN | RST, SYN | FIN, RST, FIN, 0] {
        let bytes = syn(pairs()[1], flags);
        assert!(matches!(parse(&bytes), Some(Packet { body: Body::Tcp(segment), .. }) if !segment.is_bare_syn));
    }
}

#[test]
fn errors_quote_what_they_are_about() {
    for (ends, first) in pairs().into_iter().zip([20 + 8, 40 + 8]) {
        let bytes = syn(ends, SYN);
        let packet = parse(&bytes).expect("a packet");
        let reasons = [
            (Reason::NoRoute, [(3, 0), (1, 0)]),
            (Reason::HostUnreachable, [(3, 1), (1, 3)]),
            (Reason::PortUnreachable, [(3, 3), (1, 4)]),
            (Reason::Prohibited, [(3, 13), (1, 1)]),
            (Reason::TooBig(1400), [(3, 4), (2, 0)]),
            (Reason::HopsExceeded, [(11, 0), (3, 0)]),
        ];
        for (reason, codes) in reasons {
            let error = Builder::new(1500).error(reason, &packet, ends.1).remove(0);
            assert_eq!(parse(&error).map(|packet| packet.body), Some(Body::Other));
            assert_eq!(&error[first..], &bytes[..], "{reason:?}");
            let wanted = codes[usize::from(ends.0.is_ipv6())];
            assert_eq!((error[first - 8], error[first - 7]), wanted, "{reason:?}");
        }
    }
}

#[test]
fn an_error_about_a_long_packet_is_short() {
    let long = Builder::new(65_535).datagram((v4(1), 1).into(), (v4(2), 2).into(), &[7; 9000]).remove(0);
    let packet = parse(&long).expect("a packet");
    assert_eq!(Builder::new(1500).error(Reason::NoRoute, &packet, v4(2))[0].len(), 576);
    let long = Builder::new(65_535).datagram((v6(1), 1).into(), (v6(2), 2).into(), &[7; 9000]).remove(0);
    let packet = parse(&long).expect("a packet");
    assert_eq!(Builder::new(1500).error(Reason::NoRoute, &packet, v6(2))[0].len(), 1280);
}

#[test]
fn damaged_packets_are_none() {
    let bytes = Builder::new(1500).datagram((v4(1), 1).into(), (v4(2), 2).into(), b"hello").remove(0);
    for at in [0, 3, 9, 12, 20, 25, 26, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x11;
        assert!(parse(&damaged).is_none_or(|packet| packet.body == Body::Other), "byte {at}");
    }
    for length in 0..bytes.len() {
        assert!(parse(&bytes[..length]).is_none(), "{length} bytes");
    }
    // IPv6 does not go without a checksum.
    let mut bytes = Builder::new(1500).datagram((v6(1), 1).into(), (v6(2), 2).into(), b"hello").remove(0);
    bytes[46..48].fill(0);
    assert!(parse(&bytes).is_none());
}

proptest! {
    #[test]
    fn a_datagram_survives(payload in proptest::collection::vec(any::<u8>(), 0..3000), ports in any::<(u16, u16)>()) {
        for (from, to) in pairs() {
            let (from, to) = (SocketAddr::new(from, ports.0), SocketAddr::new(to, ports.1));
            let mut bytes = Builder::new(65_535).datagram(from, to, &payload).remove(0);
            // What follows the end of a packet is not part of it.
            bytes.extend([1, 2, 3]);
            let packet = parse(&bytes).expect("a packet");
            prop_assert_eq!(packet.ends(), Some((from, to)));
            prop_assert!(matches!(packet.body, Body::Udp(datagram) if datagram.payload == payload));
        }
    }

    #[test]
    fn an_echo_survives(data in proptest::collection::vec(any::<u8>(), 0..2000), numbers in any::<(u16, u16)>()) {
        for (from, to) in pairs() {
            let echo = Echo { identifier: numbers.0, sequence: numbers.1, data: &data };
            let bytes = Builder::new(65_535).echo_reply(from, to, echo).remove(0);
            let header = if from.is_ipv6() { 40 } else { 20 };
            // The reply is a request but for its type; the sum of IPv4's differs by the type alone.
            let mut request = bytes[header..].to_vec();
            request[0] = if from.is_ipv6() { 128 } else { 8 };
            request[2..4].fill(0);
            let ends = (from, to);
            let sum = if from.is_ipv6() { checksum::with_ends(&request, ICMPV6, ends) } else { checksum::of(&request) };
            request[2..4].copy_from_slice(&sum.to_be_bytes());
            let protocol = if from.is_ipv6() { ICMPV6 } else { ICMP };
            prop_assert_eq!(parse_body(protocol, &request, ends), Some(Body::Echo(echo)));
        }
    }

    #[test]
    fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..200), first in prop_oneof![Just(0x45_u8), Just(0x60), any::<u8>()]) {
        let mut bytes = bytes;
        if let Some(byte) = bytes.first_mut() {
            *byte = first;
        }
        if let Some(packet) = parse(&bytes) {
            prop_assert!(packet.whole.len() <= bytes.len());
            let _ = Builder::new(0).error(Reason::NoRoute, &packet, packet.destination);
        }
    }
}
