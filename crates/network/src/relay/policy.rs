//! Who may go where: a container by its address (nft sees to it that nobody uses another's), a destination by what it is.
//! What only the host itself or its nearest neighbours can reach is not reached through us.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[cfg(test)]
#[path = "policy_test.rs"]
mod tests;

/// What stands for the host's own loopback, where a container may reach it.
pub const HOST_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 2);
pub const HOST_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x6275, 0x6e6b, 0, 0, 0, 0, 2);

/// A container, whichever of its addresses it speaks with: what is shared is shared by these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owner(pub u64);

/// What a container may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    pub owner: Owner,
    /// Its networks lead nowhere: nothing goes out.
    pub internal: bool,
    /// `HOST_V4` and `HOST_V6` lead to the host's loopback.
    pub host_loopback: bool,
}

/// The addresses of a network: all that share the first `length` bits with `address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    pub address: IpAddr,
    pub length: u8,
}

impl Subnet {
    pub fn contains(&self, other: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, 32),
            IpAddr::V6(v6) => (u128::from(v6), 128),
        };
        let ((ours, width), (theirs, others_width)) = (bits(self.address), bits(other));
        let dropped = 128_u32.saturating_sub(u32::from(self.length));
        width == others_width && (ours ^ theirs).checked_shr(dropped).unwrap_or(0) == 0
    }

    /// One of the two lies within the other.
    pub fn overlaps(&self, other: Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Goes there, seen from the host.
    To(IpAddr),
    /// As on a network without a way out.
    NoRoute,
    Prohibited,
}

/// The containers, and the networks they are on.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    permissions: HashMap<IpAddr, Permission>,
    subnets: Vec<Subnet>,
    /// Answers to them would not come to us.
    hides_clients: bool,
}

impl Sources {
    pub(crate) fn allow(&mut self, source: IpAddr, permission: Permission) {
        self.permissions.insert(source, permission);
    }

    pub(crate) fn forget(&mut self, source: IpAddr) {
        self.permissions.remove(&source);
    }

    pub(crate) fn set_subnets(&mut self, subnets: Vec<Subnet>) {
        self.subnets = subnets;
    }

    pub(crate) fn hide_clients(&mut self) {
        self.hides_clients = true;
    }

    /// Whether an address is of one of the user's own networks.
    pub(crate) fn is_ours(&self, address: IpAddr) -> bool {
        let plain = match address {
            IpAddr::V6(v6) => embedded(v6).map(IpAddr::from),
            IpAddr::V4(_) => None,
        };
        self.subnets.iter().any(|subnet| subnet.contains(address) || plain.is_some_and(|plain| subnet.contains(plain)))
    }

    /// What who has this address may do; `None`: nobody has it.
    pub(crate) fn permission(&self, source: IpAddr) -> Option<Permission> {
        self.permissions.get(&source).copied()
    }

    pub(crate) fn judge(&self, permission: Permission, destination: IpAddr) -> Verdict {
        if permission.internal {
            return Verdict::NoRoute;
        }
        match destination {
            IpAddr::V4(HOST_V4) if permission.host_loopback => Verdict::To(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(HOST_V6) if permission.host_loopback => Verdict::To(Ipv6Addr::LOCALHOST.into()),
            IpAddr::V6(HOST_V6) => Verdict::Prohibited,
            _ if is_never_reached(destination) || self.is_ours(destination) => Verdict::Prohibited,
            _ => Verdict::To(destination),
        }
    }

    /// Whether a client's address can be used towards a container: one that is not of the world of its own.
    pub(crate) fn is_usable_inside(&self, client: IpAddr) -> bool {
        !self.hides_clients && !is_never_reached(client) && client != IpAddr::V6(HOST_V6) && !self.is_ours(client)
    }
}

/// The host itself, its links, and everybody at once; in IPv6's ways of writing IPv4, too.
fn is_never_reached(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_never_reached_v4(v4),
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unicast_link_local()
                || v6.is_multicast()
                || embedded(v6).is_some_and(is_never_reached_v4)
        }
    }
}

fn is_never_reached_v4(v4: Ipv4Addr) -> bool {
    v4.is_loopback() || v4.octets()[0] == 0 || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
}

/// The IPv4 address that is written as an IPv6 address: mapped (`::ffff:0:0/96`, RFC 4291), translated (`64:ff9b::/96`, RFC
/// 6052), or of the old compatible form (`::/96`).
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    let is_translated = Subnet { address: translated.into(), length: 96 }.contains(v6.into());
    let last = || v6.octets().last_chunk().map(|four: &[u8; 4]| Ipv4Addr::from(*four));
    if is_translated { last() } else { v6.to_ipv4() }
}
