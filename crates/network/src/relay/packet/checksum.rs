//! The internet checksum (RFC 1071), alone and with the pseudo header of UDP, TCP and ICMPv6 (RFC 8200 §8.1).

use std::net::IpAddr;

fn add(sum: u64, bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let sum = pairs.iter().fold(sum, |sum, pair| sum + u64::from(u16::from_be_bytes(*pair)));
    rest.iter().fold(sum, |sum, last| sum + (u64::from(*last) << 8))
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// The checksum of these bytes; 0 when they hold a right one.
pub(crate) fn of(bytes: &[u8]) -> u16 {
    fold(add(0, bytes))
}

/// As `of`, for what a packet of this protocol carries from one address to the other.
pub(crate) fn with_ends(bytes: &[u8], protocol: u8, (source, destination): (IpAddr, IpAddr)) -> u16 {
    let mut sum = u64::from(protocol) + bytes.len() as u64;
    for address in [source, destination] {
        sum = match address {
            IpAddr::V4(v4) => add(sum, &v4.octets()),
            IpAddr::V6(v6) => add(sum, &v6.octets()),
        };
    }
    fold(add(sum, bytes))
}
