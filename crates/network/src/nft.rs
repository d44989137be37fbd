//! The rules of N, as nftables has them: what steers packets to the relay, what keeps networks apart, and (`leases`) what keeps a
//! container from speaking with another's address, or for all others. `words` is what a rule says, `expression` what the kernel
//! takes for it, and `batch` holds the messages that carry them.
//!
//! ```text
//! table inet bunker                                     table bridge bunker
//!   prerouting: from a bridge                             prerouting: marked with its port, whose share it is;
//!     TCP of a flow that the relay has: to it (mark 1)      advertisements of routers, and of neighbours that
//!     to one of our own addresses, or a container: go on    have another's address: dropped; IPv4, ARP and IPv6 whose
//!     beyond the port's share: dropped                      (port, hardware address, address) is in a set of leases: go
//!     all else: to the tun (mark 2)                         on; else dropped
//!   prerouting: from the tun (the relay's answers, and first SYNs it lets go)
//!     to a container: go on
//!     SYN: to the relay's listener (mark 1)
//!     TCP of a flow that the relay has: to it (mark 1); else refused
//!   input: questions beyond the port's share: dropped;
//!          lo, mark 1, DNS, UDP that a socket waits for, ping, neighbours; else refused
//!   forward: tun → bridge, bridge → tun, and within a bridge; else dropped (so one network does not reach another)
//! ```

mod batch;
mod expression;
mod forward;
mod leases;
mod words;

pub use batch::Batch;
pub use leases::{Port, admit, dismiss};

use batch::{Chain, Hook, Set};
use expression::{Expression, Key, bytes, jump, verdict};
use words::{
    accept, enters_by_bridge, enters_by_tun, has_flags_of_first_syn, has_socket, is_beyond, is_container, is_for_port,
    is_icmp, is_local, is_protocol, is_tcp, is_version, leaves_by_bridge, leaves_by_tun, mark, rule,
};

/// Of packets that are for one of the relay's sockets.
pub const MARK_LOCAL: u32 = 1;
/// Of packets that are for the relay to look at.
pub const MARK_TUN: u32 = 2;
/// Of packets from containers, beside the index of the bridge's port: no mark that means anything else.
const MARK_PORT: u32 = 1 << 31;
/// All bridges' names begin so, and no other link's.
pub const BRIDGE_PREFIX: &str = "br-";
pub const TUN_NAME: &str = "tun0";

const TABLE: &str = "bunker";
const BRIDGES: &str = "bridges";
/// Chains that `shares` fills.
const CARRIED: &str = "carried";
const ASKED: &str = "asked";

/// What one port of a bridge may send in a second, and at once. The tun's queue (8,192) is everybody's, and the relay reads several
/// times as much; it acts on fewer, in turns.
const PACKETS: Share = Share { name: "packets", rate: 100_000, burst: 4_096 };
/// So with the resolver, whose socket holds some hundred questions.
const QUESTIONS: Share = Share { name: "questions", rate: 10_000, burst: 128 };

const MANGLE: i32 = -150;
const FILTER: i32 = 0;

const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
const DNS: u16 = 53;
const ECHO_REQUEST: u8 = 8;
const ECHO_REQUEST_6: u8 = 128;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// What each port may have of something.
struct Share {
    name: &'static str,
    rate: u64,
    burst: u32,
}

/// What leads out of N.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// The relay, with its listeners on this port of 127.0.0.1 and `::1`.
    Relay(u16),
    /// An interface of this name.
    Interface(&'a str),
}

/// All rules. Replaces what is there.
#[must_use]
pub fn ruleset(way: Way<'_>) -> Batch {
    let mut batch = Batch::default();
    let mut table = batch.table(batch::INET, TABLE);
    match way {
        Way::Relay(listener) => steer(&mut table, listener),
        Way::Interface(name) => forward::steer(&mut table, name),
    }
    leases::keep_honest(&mut batch.table(batch::BRIDGE, TABLE));
    batch
}

/// Adds each port's share to the rules that are there.
#[must_use]
pub fn shares() -> Batch {
    let mut batch = Batch::default();
    let mut table = batch.table_there(batch::INET, TABLE);
    for share in [&PACKETS, &QUESTIONS] {
        table.meters(share.name);
    }
    let drop = || vec![verdict(batch::DROP)];
    table.rule(CARRIED, &rule([is_beyond(&PACKETS), drop()]));
    table.rule(ASKED, &rule([is_beyond(&QUESTIONS), drop()]));
    batch
}

/// From now on packets may go from one link to the other. Within a bridge, too: where `br_netfilter` is loaded the kernel shows even
/// those to `forward`.
#[must_use]
pub fn join(from: u32, to: u32) -> Batch {
    let mut batch = Batch::default();
    batch.table_there(batch::INET, TABLE).add_elements(BRIDGES, &[pair(from, to)]);
    batch
}

/// No more.
#[must_use]
pub fn part(from: u32, to: u32) -> Batch {
    let mut batch = Batch::default();
    batch.table_there(batch::INET, TABLE).remove_elements(BRIDGES, &[pair(from, to)]);
    batch
}

fn pair(from: u32, to: u32) -> Vec<u8> {
    [from.to_ne_bytes(), to.to_ne_bytes()].concat()
}

fn steer(table: &mut batch::Table<'_>, listener: u16) {
    table.set(&bridges());
    for name in ["frombridge", "fromtun", CARRIED, ASKED] {
        table.chain(&Chain { name, hook: None });
    }
    let hook =
        |name, number, priority, is_open| Chain { name, hook: Some(Hook { number, priority, is_open, is_nat: false }) };
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
    table.rule("frombridge", &[jump(CARRIED)]);
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

    table.rule("input", &rule([enters_by_bridge(), is_for_port(UDP, DNS), vec![jump(ASKED)]]));
    // Of clients that the relay speaks for with N's own address.
    let awaited = [enters_by_bridge(), is_protocol(UDP), vec![Expression::any_socket()]].concat();
    for admitted in inputs().into_iter().chain([awaited]) {
        table.rule("input", &rule([admitted, accept()]));
    }
    table.rule("input", &rule([is_tcp(), vec![Expression::reset()]]));
    table.rule("input", &rule([vec![Expression::port_unreachable()]]));

    table.rule("forward", &rule([enters_by_tun(), leaves_by_bridge(), accept()]));
    table.rule("forward", &rule([enters_by_bridge(), leaves_by_tun(), accept()]));
    table.rule("forward", &within_bridges(BRIDGES));
}

/// Pairs of links between which packets may go.
fn bridges() -> Set<'static> {
    Set { name: BRIDGES, fields: &[4, 4], key_length: 8 }
}

fn within_bridges(pairs: &str) -> Vec<Expression> {
    let links = vec![Expression::meta(Key::InIndex), Expression::meta_into_word(1, Key::OutIndex)];
    rule([links, vec![Expression::in_set(pairs)], accept()])
}

/// What N itself listens to.
fn inputs() -> Vec<Vec<Expression>> {
    let by_bridge = |more: Vec<Expression>| [enters_by_bridge(), more].concat();
    let mut admitted = vec![
        vec![Expression::meta(Key::InName), Expression::equal(&bytes::name("lo"))],
        [Expression::meta(Key::Mark), Expression::equal(&MARK_LOCAL.to_ne_bytes())].into(),
        by_bridge(is_icmp(ICMP, ECHO_REQUEST)),
    ];
    for protocol in [UDP, words::TCP] {
        admitted.push(by_bridge(is_for_port(protocol, DNS)));
    }
    for kind in [ECHO_REQUEST_6, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT] {
        admitted.push(by_bridge(is_icmp(ICMP6, kind)));
    }
    admitted
}
