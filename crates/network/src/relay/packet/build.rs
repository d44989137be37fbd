//! What is written into the tun: packets that look as if the destination, or a router before it, had sent them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{ACK, Echo, ICMP, ICMPV6, Packet, RST, Segment, TCP, UDP, checksum};

const V6_HEADER: usize = 40;
const FRAGMENT_HEADER: usize = 8;
/// Every IPv6 link carries this much (RFC 8200 §5); ICMPv6 errors are no longer (RFC 4443 §2.4).
const LEAST_MTU: usize = 1280;
/// An ICMP error holds as much of what it is about as fits here (RFC 1812 §4.3.2.3).
const V4_ERROR_LENGTH: usize = 576;
const HOPS: u8 = 64;

/// Why something cannot be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    NoRoute,
    HostUnreachable,
    PortUnreachable,
    Prohibited,
    TooBig(u32),
    HopsExceeded,
}

/// One packet per piece: IPv6 is cut here, IPv4 by the kernel on its way.
pub(crate) struct Builder {
    mtu: usize,
    identification: u32,
}

impl Builder {
    /// Cuts IPv6 packets to this size.
    pub(crate) fn new(mtu: usize) -> Self {
        Self { mtu: mtu.clamp(LEAST_MTU, usize::from(u16::MAX)), identification: 0 }
    }

    /// A datagram; none if it cannot be said in one family, or is too long.
    pub(crate) fn datagram(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<Vec<u8>> {
        const HEADER: usize = 8;
        let Ok(length) = u16::try_from(HEADER + payload.len()) else { return Vec::new() };
        let mut body = Vec::with_capacity(usize::from(length));
        for field in [from.port(), to.port(), length, 0] {
            body.extend(field.to_be_bytes());
        }
        body.extend_from_slice(payload);
        let sum = checksum::with_ends(&body, UDP, (from.ip(), to.ip()));
        // A sum of zero would mean that there is none (RFC 768).
        put_sum(&mut body, 6, if sum == 0 { u16::MAX } else { sum });
        self.packets(UDP, (from.ip(), to.ip()), &body)
    }

    /// The reply to an echo request.
    pub(crate) fn echo_reply(&mut self, from: IpAddr, to: IpAddr, echo: Echo<'_>) -> Vec<Vec<u8>> {
        let mut body = vec![if from.is_ipv6() { 129 } else { 0 }, 0, 0, 0];
        body.extend(echo.identifier.to_be_bytes());
        body.extend(echo.sequence.to_be_bytes());
        body.extend_from_slice(echo.data);
        self.control(from, to, body)
    }

    /// An ICMP error about a packet, as from this address.
    pub(crate) fn error(&mut self, reason: Reason, about: &Packet<'_>, from: IpAddr) -> Vec<Vec<u8>> {
        let is_v6 = about.source.is_ipv6();
        let (kind, code) = if is_v6 { v6_codes(reason) } else { v4_codes(reason) };
        let information = match reason {
            // IPv4 has 16 bits for it, which are the lower ones.
            Reason::TooBig(mtu) => mtu,
            _ => 0,
        };
        let longest = if is_v6 { LEAST_MTU - V6_HEADER - 8 } else { V4_ERROR_LENGTH - 28 };
        let mut body = vec![kind, code, 0, 0];
        body.extend(information.to_be_bytes());
        body.extend(about.whole.iter().take(longest));
        self.control(from, about.source, body)
    }

    /// Refuses a connection, as the destination would.
    pub(crate) fn reset(&mut self, about: &Packet<'_>, segment: Segment) -> Vec<Vec<u8>> {
        let (sequence, flags) = segment.acknowledgement.map_or((0, RST | ACK), |number| (number, RST));
        let acknowledged = segment.sequence.wrapping_add(segment.length);
        let mut body = Vec::with_capacity(20);
        body.extend(segment.destination_port.to_be_bytes());
        body.extend(segment.source_port.to_be_bytes());
        body.extend(sequence.to_be_bytes());
        body.extend(if flags & ACK == 0 { 0 } else { acknowledged }.to_be_bytes());
        // Five words of header, no window, no urgent data.
        body.extend([5 << 4, flags, 0, 0, 0, 0, 0, 0]);
        let ends = (about.destination, about.source);
        let sum = checksum::with_ends(&body, TCP, ends);
        put_sum(&mut body, 16, sum);
        self.packets(TCP, ends, &body)
    }

    fn control(&mut self, from: IpAddr, to: IpAddr, mut body: Vec<u8>) -> Vec<Vec<u8>> {
        let (protocol, sum) = if from.is_ipv6() {
            (ICMPV6, checksum::with_ends(&body, ICMPV6, (from, to)))
        } else {
            (ICMP, checksum::of(&body))
        };
        put_sum(&mut body, 2, sum);
        self.packets(protocol, (from, to), &body)
    }

    fn packets(&mut self, protocol: u8, ends: (IpAddr, IpAddr), body: &[u8]) -> Vec<Vec<u8>> {
        self.identification = self.identification.wrapping_add(1);
        match ends {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.v4(protocol, (from, to), body).into_iter().collect(),
            (IpAddr::V6(from), IpAddr::V6(to)) if V6_HEADER + body.len() <= self.mtu => {
                v6(protocol, (from, to), &[body]).into_iter().collect()
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => self.fragments(protocol, (from, to), body),
            _ => Vec::new(),
        }
    }

    fn v4(&self, protocol: u8, (from, to): (Ipv4Addr, Ipv4Addr), body: &[u8]) -> Option<Vec<u8>> {
        const HEADER: usize = 20;
        let length = u16::try_from(HEADER + body.len()).ok()?;
        let mut packet = Vec::with_capacity(usize::from(length));
        packet.extend([0x45, 0]);
        packet.extend(length.to_be_bytes());
        // No flags: routers may cut it, so its number must differ from its neighbours'.
        packet.extend(self.identification.to_be_bytes().last_chunk::<2>()?);
        packet.extend([0, 0, HOPS, protocol, 0, 0]);
        packet.extend(from.octets());
        packet.extend(to.octets());
        let sum = checksum::of(&packet);
        put_sum(&mut packet, 10, sum);
        packet.extend_from_slice(body);
        Some(packet)
    }

    fn fragments(&self, protocol: u8, ends: (Ipv6Addr, Ipv6Addr), body: &[u8]) -> Vec<Vec<u8>> {
        // All but the last hold a multiple of eight bytes.
        let size = (self.mtu - V6_HEADER - FRAGMENT_HEADER) / 8 * 8;
        let count = body.len().div_ceil(size);
        let pieces = body.chunks(size).enumerate().map(|(index, piece)| {
            let place = u16::try_from(index * size).ok()? | u16::from(index + 1 < count);
            let mut header = vec![protocol, 0];
            header.extend(place.to_be_bytes());
            header.extend(self.identification.to_be_bytes());
            v6(super::FRAGMENT, ends, &[&header, piece])
        });
        pieces.collect::<Option<_>>().unwrap_or_default()
    }
}

fn v6(next: u8, (from, to): (Ipv6Addr, Ipv6Addr), parts: &[&[u8]]) -> Option<Vec<u8>> {
    let length = u16::try_from(parts.iter().map(|part| part.len()).sum::<usize>()).ok()?;
    let mut packet = Vec::with_capacity(V6_HEADER + usize::from(length));
    packet.extend([0x60, 0, 0, 0]);
    packet.extend(length.to_be_bytes());
    packet.extend([next, HOPS]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    parts.iter().for_each(|part| packet.extend_from_slice(part));
    Some(packet)
}

fn put_sum(bytes: &mut [u8], at: usize, sum: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
}

/// RFC 792, RFC 1812 §5.2.7.1.
fn v4_codes(reason: Reason) -> (u8, u8) {
    match reason {
        Reason::NoRoute => (3, 0),
        Reason::HostUnreachable => (3, 1),
        Reason::PortUnreachable => (3, 3),
        Reason::TooBig(_) => (3, 4),
        Reason::Prohibited => (3, 13),
        Reason::HopsExceeded => (11, 0),
    }
}

/// RFC 4443 §3.
fn v6_codes(reason: Reason) -> (u8, u8) {
    match reason {
        Reason::NoRoute => (1, 0),
        Reason::Prohibited => (1, 1),
        Reason::HostUnreachable => (1, 3),
        Reason::PortUnreachable => (1, 4),
        Reason::TooBig(_) => (2, 0),
        Reason::HopsExceeded => (3, 0),
    }
}
