//! The rules of N, as nftables has them: what steers packets to the relay, what keeps networks apart, and (`leases`) what keeps a
//! container from speaking with another's address. `expression` holds the words of a rule, `batch` the messages that carry them.
//!
//! ```text
//! table inet bunker                                     table bridge bunker
//!   prerouting: from a bridge                             prerouting: advertisements of routers, and of neighbours that
//!     TCP of a flow that the relay has: to it (mark 1)      have another's address: dropped; IPv4, ARP and IPv6 whose
//!     to one of our own addresses, or a container: go on    (port, hardware address, address) is in a set of leases: go
//!     all else: to the tun (mark 2)                         on; else dropped
//!   prerouting: from the tun (the relay's answers, and first SYNs it lets go)
//!     to a container: go on
//!     SYN: to the relay's listener (mark 1)
//!     TCP of a flow that the relay has: to it (mark 1); else refused
//!   input: lo, mark 1, DNS, UDP that a socket waits for, ping, neighbours; else refused
//!   forward: tun → bridge, bridge → tun, and within a bridge; else dropped (so one network does not reach another)
//! ```

mod batch;
mod expression;
mod leases;

pub use batch::Batch;
pub use leases::{Port, admit, dismiss};

use batch::{Chain, Hook, Set};
use expression::{Base, Expression, FibResult, Key, bytes, jump, verdict};

/// Of packets that are for one of the relay's sockets.
pub const MARK_LOCAL: u32 = 1;
/// Of packets that are for the relay to look at.
pub const MARK_TUN: u32 = 2;
/// All bridges' names begin so, and no other link's.
pub const BRIDGE_PREFIX: &str = "br-";
pub const TUN_NAME: &str = "tun0";

const TABLE: &str = "bunker";
const BRIDGES: &str = "bridges";

const MANGLE: i32 = -150;
const FILTER: i32 = 0;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
const DNS: u16 = 53;
const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_6: u8 = 128;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// All rules, with the relay's listeners on this port of 127.0.0.1 and `::1`. Replaces what is there.
#[must_use]
pub fn ruleset(listener: u16) -> Batch {
    let mut batch = Batch::default();
    steer(&mut batch.table(batch::INET, TABLE), listener);
    leases::keep_honest(&mut batch.table(batch::BRIDGE, TABLE));
    batch
}

/// From now on packets may stay within this bridge: the kernel shows even those to `forward` where `br_netfilter` is loaded.
#[must_use]
pub fn join(bridge: u32) -> Batch {
    let mut batch = Batch::default();
    batch.table_there(batch::INET, TABLE).add_elements(BRIDGES, &[within(bridge)]);
    batch
}

/// No more.
#[must_use]
pub fn part(bridge: u32) -> Batch {
    let mut batch = Batch::default();
    batch.table_there(batch::INET, TABLE).remove_elements(BRIDGES, &[within(bridge)]);
    batch
}

fn within(bridge: u32) -> Vec<u8> {
    [bridge.to_ne_bytes(), bridge.to_ne_bytes()].concat()
}

fn steer(table: &mut batch::Table<'_>, listener: u16) {
    table.set(&Set { name: BRIDGES, fields: &[4, 4], key_length: 8 });
    for name in ["frombridge", "fromtun"] {
        table.chain(&Chain { name, hook: None });
    }
    let hook = |name, number, priority, is_open| Chain { name, hook: Some(Hook { number, priority, is_open }) };
    table.chain(&hook("prerouting", batch::PREROUTING, MANGLE, true));
    table.chain(&hook("input", batch::INPUT, FILTER, false));
    table.chain(&hook("forward", batch::FORWARD, FILTER, false));

    let from = |link: Vec<Expression>, chain| rule([link, vec![jump(chain)]]);
    table.rule("prerouting", &from(enters_by_bridge(), "frombridge"));
    table.rule("prerouting", &from(enters_by_tun(), "fromtun"));

    let known = [is_tcp(), has_flags_of_first_syn(false), has_socket(), mark(MARK_LOCAL), accept()];
    table.rule("frombridge", &rule(known));
    table.rule("frombridge", &rule([is_local(), accept()]));
    table.rule("frombridge", &rule([is_container(), accept()]));
    table.rule("frombridge", &rule([mark(MARK_TUN), accept()]));

    table.rule("fromtun", &rule([is_container(), accept()]));
    for is_version6 in [false, true] {
        let to_listener = Expression::tproxy(is_version6, listener);
        let first =
            [is_version(is_version6), is_tcp(), has_flags_of_first_syn(true), to_listener, mark(MARK_LOCAL), accept()];
        table.rule("fromtun", &rule(first));
    }
    table.rule("fromtun", &rule([has_socket(), mark(MARK_LOCAL), accept()]));
    table.rule("fromtun", &rule([is_tcp(), vec![Expression::reset()]]));
    table.rule("fromtun", &rule([vec![verdict(batch::DROP)]]));

    for admitted in inputs() {
        table.rule("input", &rule([admitted, accept()]));
    }
    table.rule("input", &rule([is_tcp(), vec![Expression::reset()]]));
    table.rule("input", &rule([vec![Expression::port_unreachable()]]));

    table.rule("forward", &rule([enters_by_tun(), leaves_by_bridge(), accept()]));
    table.rule("forward", &rule([enters_by_bridge(), leaves_by_tun(), accept()]));
    let links = vec![Expression::meta(Key::InIndex), Expression::meta_into_word(1, Key::OutIndex)];
    table.rule("forward", &rule([links, vec![Expression::in_set(BRIDGES)], accept()]));
}

/// What N itself listens to.
fn inputs() -> Vec<Vec<Expression>> {
    let by_bridge = |more: Vec<Expression>| [enters_by_bridge(), more].concat();
    let mut admitted = vec![
        vec![Expression::meta(Key::InName), Expression::equal(&bytes::name("lo"))],
        [Expression::meta(Key::Mark), Expression::equal(&MARK_LOCAL.to_ne_bytes())].into(),
        by_bridge(is_icmp(ICMP, ECHO_REQUEST)),
    ];
    for protocol in [UDP, TCP] {
        let port = [Expression::payload(Base::Transport, 2, 2), Expression::equal(&DNS.to_be_bytes())];
        admitted.push(by_bridge([is_protocol(protocol), port.into()].concat()));
    }
    // Of clients that the relay speaks for with N's own address.
    admitted.push(by_bridge([is_protocol(UDP), vec![Expression::any_socket()]].concat()));
    for kind in [ECHO_REQUEST_6, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT] {
        admitted.push(by_bridge(is_icmp(ICMP6, kind)));
    }
    admitted
}

fn rule<const N: usize>(parts: [Vec<Expression>; N]) -> Vec<Expression> {
    parts.concat()
}

fn accept() -> Vec<Expression> {
    vec![verdict(batch::ACCEPT)]
}

fn enters_by_bridge() -> Vec<Expression> {
    vec![Expression::meta(Key::InName), Expression::equal(BRIDGE_PREFIX.as_bytes())]
}

fn leaves_by_bridge() -> Vec<Expression> {
    vec![Expression::meta(Key::OutName), Expression::equal(BRIDGE_PREFIX.as_bytes())]
}

fn enters_by_tun() -> Vec<Expression> {
    vec![Expression::meta(Key::InName), Expression::equal(&bytes::name(TUN_NAME))]
}

fn leaves_by_tun() -> Vec<Expression> {
    vec![Expression::meta(Key::OutName), Expression::equal(&bytes::name(TUN_NAME))]
}

/// To one of N's own addresses.
fn is_local() -> Vec<Expression> {
    const RTN_LOCAL: u32 = 2;
    vec![Expression::fib(FibResult::Kind), Expression::equal(&RTN_LOCAL.to_ne_bytes())]
}

/// To what lies behind a bridge.
fn is_container() -> Vec<Expression> {
    vec![Expression::fib(FibResult::OutName), Expression::equal(BRIDGE_PREFIX.as_bytes())]
}

fn is_version(is_version6: bool) -> Vec<Expression> {
    const NFPROTO: [u8; 2] = [2, 10];
    vec![Expression::meta(Key::Family), Expression::equal(&[NFPROTO[usize::from(is_version6)]])]
}

fn is_protocol(number: u8) -> Vec<Expression> {
    vec![Expression::meta(Key::Protocol), Expression::equal(&[number])]
}

fn is_tcp() -> Vec<Expression> {
    is_protocol(TCP)
}

fn is_icmp(protocol: u8, kind: u8) -> Vec<Expression> {
    [is_protocol(protocol), vec![Expression::payload(Base::Transport, 0, 1), Expression::equal(&[kind])]].concat()
}

/// SYN alone of FIN, SYN, RST and ACK.
fn has_flags_of_first_syn(wanted: bool) -> Vec<Expression> {
    const FLAGS_AT: u32 = 13;
    const LOOKED_AT: u8 = 0x17;
    const SYN: u8 = 0x02;
    let compared = if wanted { Expression::equal(&[SYN]) } else { Expression::unequal(&[SYN]) };
    vec![Expression::payload(Base::Transport, FLAGS_AT, 1), Expression::mask(&[LOOKED_AT]), compared]
}

/// A socket of the relay's, bound to somebody else's address, has this flow.
fn has_socket() -> Vec<Expression> {
    vec![Expression::transparent_socket(), Expression::equal(&[1])]
}

fn mark(value: u32) -> Vec<Expression> {
    vec![Expression::number(value), Expression::set_mark()]
}
