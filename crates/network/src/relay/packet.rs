//! What comes out of the tun, read: IPv4 (RFC 791), IPv6 (RFC 8200), TCP's and UDP's ports, echo requests. These are a hostile
//! container's bytes. Reading is total: what is not understood is `Body::Other`, what is not whole is no packet at all.

use bunker_sys::inet::message::Manner;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) mod build;
pub(crate) mod checksum;
#[cfg(test)]
#[path = "packet/packet_test.rs"]
mod tests;

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;
const FRAGMENT: u8 = 44;
const HOP_BY_HOP: u8 = 0;
const DESTINATION_OPTIONS: u8 = 60;
/// Nobody sends more extension headers, and each costs a look.
const MOST_EXTENSIONS: usize = 8;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// One IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) manner: Manner,
    pub(crate) body: Body<'a>,
    /// As it came, without what follows its end.
    pub(crate) whole: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    Tcp(Segment),
    Udp(Datagram<'a>),
    /// An echo request.
    Echo(Echo<'a>),
    /// A piece of a packet; what it holds is known when the others are there.
    Fragment(Fragment<'a>),
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) sequence: u32,
    /// Asks for a connection, and is nothing else.
    pub(crate) is_bare_syn: bool,
    pub(crate) acknowledgement: Option<u32>,
    /// How far the sequence goes on after it.
    pub(crate) length: u32,
    pub(crate) is_reset: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) payload: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Echo<'a> {
    pub(crate) identifier: u16,
    pub(crate) sequence: u16,
    pub(crate) data: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    pub(crate) identification: u32,
    pub(crate) protocol: u8,
    /// In bytes, from the start of what was cut.
    pub(crate) offset: usize,
    pub(crate) is_last: bool,
    pub(crate) data: &'a [u8],
}

impl Packet<'_> {
    /// Where it came from and where it wants to go, of what has ports.
    pub(crate) fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let (from, to) = match self.body {
            Body::Tcp(segment) => (segment.source_port, segment.destination_port),
            Body::Udp(datagram) => (datagram.source_port, datagram.destination_port),
            _ => return None,
        };
        Some((SocketAddr::new(self.source, from), SocketAddr::new(self.destination, to)))
    }
}

fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|pair| u16::from_be_bytes(*pair))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// Who says to have sent a packet.
pub(crate) fn source(bytes: &[u8]) -> Option<IpAddr> {
    match byte(bytes, 0)? >> 4 {
        4 => Some(Ipv4Addr::from(u32_at(bytes, 12)?).into()),
        6 => Some(Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?).into()),
        _ => None,
    }
}

/// Reads one packet; `None` if it is not whole or contradicts itself.
pub(crate) fn parse(bytes: &[u8]) -> Option<Packet<'_>> {
    match byte(bytes, 0)? >> 4 {
        4 => parse_v4(bytes),
        6 => parse_v6(bytes),
        _ => None,
    }
}

fn parse_v4(bytes: &[u8]) -> Option<Packet<'_>> {
    const LEAST_HEADER: usize = 20;
    const DO_NOT_CUT: u16 = 0x4000;
    let header = usize::from(byte(bytes, 0)? & 15) * 4;
    let whole = bytes.get(..usize::from(u16_at(bytes, 2)?))?;
    let content = whole.get(header..).filter(|_| header >= LEAST_HEADER)?;
    if checksum::of(whole.get(..header)?) != 0 {
        return None;
    }
    let source = Ipv4Addr::from(u32_at(whole, 12)?).into();
    let destination = Ipv4Addr::from(u32_at(whole, 16)?).into();
    let flags = u16_at(whole, 6)?;
    let protocol = byte(whole, 9)?;
    let manner = Manner { hops: byte(whole, 8)?, service: byte(whole, 1)?, is_uncut: flags & DO_NOT_CUT != 0 };
    let (offset, more) = (usize::from(flags & 0x1fff) * 8, flags & 0x2000 != 0);
    let body = if offset != 0 || more {
        let identification = u16_at(whole, 4)?.into();
        Body::Fragment(Fragment { identification, protocol, offset, is_last: !more, data: content })
    } else {
        parse_body(protocol, content, (source, destination))?
    };
    Some(Packet { source, destination, manner, body, whole })
}

fn parse_v6(bytes: &[u8]) -> Option<Packet<'_>> {
    const HEADER: usize = 40;
    const USUAL_MTU: usize = 1500;
    let whole = bytes.get(..HEADER + usize::from(u16_at(bytes, 4)?))?;
    let source = Ipv6Addr::from(*whole.get(8..)?.first_chunk::<16>()?).into();
    let destination = Ipv6Addr::from(*whole.get(24..)?.first_chunk::<16>()?).into();
    // What is longer came in pieces, which the kernel of N has put together.
    let is_uncut = whole.len() <= USUAL_MTU;
    let service = u16_at(whole, 0)?.to_be_bytes();
    let manner = Manner { hops: byte(whole, 7)?, service: service[0] << 4 | service[1] >> 4, is_uncut };
    let mut next = byte(whole, 6)?;
    let mut content = whole.get(HEADER..)?;
    for _ in 0..MOST_EXTENSIONS {
        match next {
            HOP_BY_HOP | DESTINATION_OPTIONS => {
                let length = (usize::from(byte(content, 1)?) + 1) * 8;
                next = byte(content, 0)?;
                content = content.get(length..)?;
            }
            FRAGMENT => {
                let place = u16_at(content, 2)?;
                let body = Body::Fragment(Fragment {
                    identification: u32_at(content, 4)?,
                    protocol: byte(content, 0)?,
                    offset: usize::from(place & !7),
                    is_last: place & 1 == 0,
                    data: content.get(8..)?,
                });
                return Some(Packet { source, destination, manner, body, whole });
            }
            _ => break,
        }
    }
    let body = parse_body(next, content, (source, destination))?;
    Some(Packet { source, destination, manner, body, whole })
}

/// Reads what an IP packet carries between these addresses.
pub(crate) fn parse_body(protocol: u8, content: &[u8], ends: (IpAddr, IpAddr)) -> Option<Body<'_>> {
    match (protocol, ends.1.is_ipv6()) {
        (TCP, _) => parse_segment(content),
        (UDP, _) => parse_datagram(content, ends),
        (ICMP, false) => parse_echo(content, 8, None),
        (ICMPV6, true) => parse_echo(content, 128, Some(ends)),
        _ => Some(Body::Other),
    }
}

fn parse_segment(content: &[u8]) -> Option<Body<'_>> {
    const LEAST_HEADER: usize = 20;
    let header = usize::from(byte(content, 12)? >> 4) * 4;
    let data = content.get(header..).filter(|_| header >= LEAST_HEADER)?;
    let flags = byte(content, 13)?;
    let counted = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
    Some(Body::Tcp(Segment {
        source_port: u16_at(content, 0)?,
        destination_port: u16_at(content, 2)?,
        sequence: u32_at(content, 4)?,
        is_bare_syn: flags & (SYN | ACK | RST | FIN) == SYN,
        acknowledgement: if flags & ACK != 0 { u32_at(content, 8) } else { None },
        length: u32::try_from(data.len()).ok()?.checked_add(counted)?,
        is_reset: flags & RST != 0,
    }))
}

fn parse_datagram(content: &[u8], ends: (IpAddr, IpAddr)) -> Option<Body<'_>> {
    const HEADER: usize = 8;
    let whole = content.get(..usize::from(u16_at(content, 4)?))?;
    let payload = whole.get(HEADER..)?;
    // What is damaged must not be made whole by sending it on with a checksum of our own. IPv4 may go without.
    let has_sum = u16_at(whole, 6)? != 0;
    let is_right = if has_sum { checksum::with_ends(whole, UDP, ends) == 0 } else { ends.0.is_ipv4() };
    if !is_right {
        return None;
    }
    Some(Body::Udp(Datagram { source_port: u16_at(whole, 0)?, destination_port: u16_at(whole, 2)?, payload }))
}

fn parse_echo(content: &[u8], request: u8, ends: Option<(IpAddr, IpAddr)>) -> Option<Body<'_>> {
    const HEADER: usize = 8;
    if byte(content, 0)? != request || byte(content, 1)? != 0 {
        return Some(Body::Other);
    }
    let sum = ends.map_or_else(|| checksum::of(content), |ends| checksum::with_ends(content, ICMPV6, ends));
    let data = content.get(HEADER..).filter(|_| sum == 0)?;
    Some(Body::Echo(Echo { identifier: u16_at(content, 4)?, sequence: u16_at(content, 6)?, data }))
}
