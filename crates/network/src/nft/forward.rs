//! The rules of an N whose way out is an interface, behind which a helper program is: what containers send is forwarded to it,
//! with N's own address.
//!
//! ```text
//! table inet bunker
//!   input: neighbours and routers at the interface, lo, what belongs to a flow of N's own, DNS, ping, neighbours; else refused
//!   forward: what belongs to a flow; bridge → interface unless it is for the link; within a bridge; else dropped
//!   postrouting: to the interface: masqueraded
//! ```

use super::batch::{self, Chain, Hook, Table};
use super::expression::{Base, Expression};
use super::words::{accept, is_icmp, is_tcp, is_version, rule};
use super::{
    BRIDGES, FILTER, ICMP6, Key, NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, ROUTER_ADVERTISEMENT, bytes, inputs,
    within_bridges,
};

/// Of NAT of sources.
const SOURCES: i32 = 100;

pub(super) fn steer(table: &mut Table<'_>, interface: &str) {
    table.set(&super::bridges());
    let hook = |name, number, priority, is_open, is_nat| Chain {
        name,
        hook: Some(Hook { number, priority, is_open, is_nat }),
    };
    table.chain(&hook("input", batch::INPUT, FILTER, false, false));
    table.chain(&hook("forward", batch::FORWARD, FILTER, false, false));
    table.chain(&hook("postrouting", batch::POSTROUTING, SOURCES, true, true));

    table.rule("input", &rule([Expression::of_known_flow(), accept()]));
    // Who is there, and for a helper that says it so, which addresses to have.
    for kind in [ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT] {
        let enters = vec![Expression::meta(Key::InName), Expression::equal(&bytes::name(interface))];
        table.rule("input", &rule([enters, is_icmp(ICMP6, kind), accept()]));
    }
    for admitted in inputs() {
        table.rule("input", &rule([admitted, accept()]));
    }
    table.rule("input", &rule([is_tcp(), vec![Expression::reset()]]));
    table.rule("input", &rule([vec![Expression::port_unreachable()]]));

    table.rule("forward", &rule([Expression::of_known_flow(), accept()]));
    table.rule("forward", &rule([is_for_the_link(), vec![Expression::port_unreachable()]]));
    table.rule("forward", &within_bridges(BRIDGES));
    let leaves = vec![Expression::meta(Key::OutName), Expression::equal(&bytes::name(interface))];
    table.rule("postrouting", &rule([leaves, vec![Expression::masquerade()]]));
}

/// 169.254.0.0/16, which the kernel forwards; IPv6's it does not.
fn is_for_the_link() -> Vec<Expression> {
    const DESTINATION: u32 = 16;
    [is_version(false), vec![Expression::payload(Base::Network, DESTINATION, 2), Expression::equal(&[169, 254])]]
        .concat()
}
