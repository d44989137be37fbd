//! What keeps a container from speaking as another: each port of a bridge has leases, its hardware address and the addresses that
//! go with it, and is heard with these or not at all.

use super::batch::{self, Batch, Chain, Hook, Set, Table};
use super::expression::{Base, Expression, Key, verdict};
use super::words::{accept, is_ethernet, is_icmp, rule};
use super::{ICMP6, MARK_PORT, NEIGHBOUR_ADVERTISEMENT, ROUTER_ADVERTISEMENT, TABLE};
use crate::netlink::Mac;
use std::net::{IpAddr, Ipv6Addr};

const PORTS_4: &str = "ports4";
const PORTS_6: &str = "ports6";
const BEFORE_ALL: i32 = -300;
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;

/// What one port of a bridge may say who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Index of the bridge's end of the veth pair.
    pub link: u32,
    pub mac: Mac,
    pub addresses: Vec<IpAddr>,
}

/// From now on the port may send with these addresses.
#[must_use]
pub fn admit(port: &Port) -> Batch {
    with_elements(port, |table, set, elements| table.add_elements(set, elements))
}

/// No more.
#[must_use]
pub fn dismiss(port: &Port) -> Batch {
    with_elements(port, |table, set, elements| table.remove_elements(set, elements))
}

fn with_elements(port: &Port, act: impl Fn(&mut Table<'_>, &str, &[Vec<u8>])) -> Batch {
    let mut batch = Batch::default();
    let mut table = batch.table_there(batch::BRIDGE, TABLE);
    let (mut four, mut six) = (Vec::new(), Vec::new());
    for address in &port.addresses {
        match address {
            IpAddr::V4(address) => four.push(element(port, &address.octets())),
            IpAddr::V6(address) => six.push(element(port, &address.octets())),
        }
    }
    if !six.is_empty() {
        // On its link. Who asks without an address whether one is somebody's asks in vain: that is known.
        six.push(element(port, &link_local(port.mac).octets()));
    }
    for (set, elements) in [(PORTS_4, four), (PORTS_6, six)].iter().filter(|(_, elements)| !elements.is_empty()) {
        act(&mut table, set, elements);
    }
    batch
}

/// Index, hardware address padded to whole registers, address.
fn element(port: &Port, address: &[u8]) -> Vec<u8> {
    [&port.link.to_ne_bytes()[..], &port.mac, &[0, 0], address].concat()
}

/// RFC 4291, appendix A.
fn link_local([a, b, c, d, e, f]: Mac) -> Ipv6Addr {
    let pair = u16::from_be_bytes;
    Ipv6Addr::new(0xfe80, 0, 0, 0, pair([a ^ 2, b]), pair([c, 0xff]), pair([0xfe, d]), pair([e, f]))
}

/// Nobody else's words come through.
pub(super) fn keep_honest(table: &mut Table<'_>) {
    /// Index and padded hardware address before it.
    const WHO: u32 = 12;
    const SENDER_IN_ARP: u32 = 14;
    table.set(&Set { name: PORTS_4, fields: &[4, 6, 4], key_length: WHO + 4 });
    table.set(&Set { name: PORTS_6, fields: &[4, 6, 16], key_length: WHO + 16 });
    // What is not named below would be a way past these rules, or one for a neighbour's hardware address to come to one's own port:
    // a VLAN's tag (that of number 0 is taken off by whoever hears it), a protocol of one's own, half a header.
    let hook = Hook { number: batch::PREROUTING, priority: BEFORE_ALL, is_open: false, is_nat: false };
    table.chain(&Chain { name: "prerouting", hook: Some(hook) });
    let port = vec![Expression::meta(Key::InIndex), Expression::with_bits(MARK_PORT), Expression::set_mark()];
    table.rule("prerouting", &port);
    let lease = |base, offset, length| {
        let link = Expression::meta(Key::InIndex);
        let mac = Expression::payload_into_word(1, Base::Link, 6, 6);
        vec![link, mac, Expression::payload_into_word(3, base, offset, length)]
    };
    let drop = || vec![verdict(batch::DROP)];
    let neighbours = [is_ethernet(IPV6), is_icmp(ICMP6, NEIGHBOUR_ADVERTISEMENT)];
    let advertised = [lease(Base::Transport, 8, 16), vec![Expression::not_in(PORTS_6)], drop()];
    table.rule("prerouting", &[neighbours.concat(), advertised.concat()].concat());
    table.rule("prerouting", &rule([is_ethernet(IPV6), is_icmp(ICMP6, ROUTER_ADVERTISEMENT), drop()]));
    for (kind, (offset, length), set) in
        [(IPV4, (12, 4), PORTS_4), (ARP, (SENDER_IN_ARP, 4), PORTS_4), (IPV6, (8, 16), PORTS_6)]
    {
        let sender = [lease(Base::Network, offset, length), vec![Expression::in_set(set)]].concat();
        table.rule("prerouting", &rule([is_ethernet(kind), sender, accept()]));
    }
}
