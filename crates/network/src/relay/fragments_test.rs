use super::super::packet::build::Builder;
use super::super::packet::{Body, Packet, UDP, parse, parse_body};
use super::*;
use bunker_sys::inet::message::Manner;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

fn ends() -> (SocketAddr, SocketAddr) {
    let ip = |last| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last);
    ((ip(1), 1000).into(), (ip(2), 2000).into())
}

fn about() -> Packet<'static> {
    let ip = |last| IpAddr::from(Ipv4Addr::new(10, 0, 0, last));
    Packet { source: ip(1), destination: ip(2), manner: Manner::default(), body: Body::Other, whole: &[] }
}

fn piece(offset: usize, data: &[u8], is_last: bool) -> Fragment<'_> {
    Fragment { identification: 1, protocol: UDP, offset, is_last, data }
}

/// What comes out of these pieces.
fn add_all(pieces: &[(usize, usize, bool)]) -> Option<Vec<u8>> {
    let mut fragments = Fragments::new();
    let now = Instant::now();
    let data = [7; 70_000];
    let added = pieces.iter().map(|(offset, length, is_last)| {
        fragments.add((Owner(1), &about()), &piece(*offset, &data[..*length], *is_last), now)
    });
    added.last().flatten()
}

#[test]
fn pieces_that_do_not_fit_take_all_away() {
    assert_eq!(add_all(&[(0, 16, false), (16, 3, true)]), Some(vec![7; 19]));
    assert_eq!(add_all(&[(16, 3, true), (0, 16, false)]), Some(vec![7; 19]));
    let wrong: [&[(usize, usize, bool)]; 9] = [
        &[(0, 16, false), (8, 16, false), (24, 1, true)],
        &[(0, 16, false), (0, 16, false), (16, 1, true)],
        &[(0, 15, false), (15, 1, true)],
        &[(0, 0, false), (8, 1, true)],
        &[(16, 8, false), (0, 8, true)],
        &[(8, 8, true), (16, 8, true), (0, 8, false)],
        &[(8, 8, true), (16, 8, false), (0, 8, false)],
        &[(65_528, 8, true)],
        &[(8, 8, true)],
    ];
    for pieces in wrong {
        assert_eq!(add_all(pieces), None, "{pieces:?}");
    }
    let many: Vec<_> = (0..=MOST_PIECES).map(|index| (index * 8, 8, index == MOST_PIECES)).collect();
    assert_eq!(add_all(&many), None);
}

#[test]
fn what_is_not_completed_is_bounded_and_goes() {
    let mut fragments = Fragments::new();
    let now = Instant::now();
    for identification in 0..1000 {
        let piece = Fragment { identification, ..piece(0, &[0; 8], false) };
        assert_eq!(fragments.add((Owner(1), &about()), &piece, now), None);
    }
    assert_eq!(fragments.0.len(), BOUNDS.per_owner);
    fragments.expire(now + PATIENCE);
    assert!(fragments.is_empty());
}

proptest! {
    #[test]
    fn what_is_cut_is_whole_again(
        payload in proptest::collection::vec(any::<u8>(), 1300..20_000),
        mtu in 1280_usize..9000,
        turn in any::<usize>(),
        reverse in any::<bool>(),
    ) {
        let (from, to) = ends();
        let mut packets = Builder::new(mtu).datagram(from, to, &payload);
        if packets.len() == 1 {
            return Ok(());
        }
        let turn = turn % packets.len();
        packets.rotate_left(turn);
        if reverse {
            packets.reverse();
        }
        let mut fragments = Fragments::new();
        let mut whole = None;
        for bytes in &packets {
            prop_assert!(whole.is_none() && bytes.len() <= mtu);
            let packet = parse(bytes).expect("a packet");
            let Body::Fragment(piece) = packet.body else { panic!("{packet:?}") };
            whole = fragments.add((Owner(1), &packet), &piece, Instant::now());
        }
        let whole = whole.expect("whole");
        let body = parse_body(UDP, &whole, (from.ip(), to.ip()));
        prop_assert!(matches!(body, Some(Body::Udp(datagram)) if datagram.payload == payload));
        prop_assert!(fragments.is_empty());
    }
}
