//! What a rule says, in the expressions that it takes.

use super::expression::{Base, Expression, FibResult, Key, bytes, verdict};
use super::{BRIDGE_PREFIX, Share, TUN_NAME, batch};

pub(super) const TCP: u8 = 6;

pub(super) fn rule<const N: usize>(parts: [Vec<Expression>; N]) -> Vec<Expression> {
    parts.concat()
}

pub(super) fn accept() -> Vec<Expression> {
    vec![verdict(batch::ACCEPT)]
}

pub(super) fn enters_by_bridge() -> Vec<Expression> {
    vec![Expression::meta(Key::InName), Expression::equal(BRIDGE_PREFIX.as_bytes())]
}

pub(super) fn leaves_by_bridge() -> Vec<Expression> {
    vec![Expression::meta(Key::OutName), Expression::equal(BRIDGE_PREFIX.as_bytes())]
}

pub(super) fn enters_by_tun() -> Vec<Expression> {
    vec![Expression::meta(Key::InName), Expression::equal(&bytes::name(TUN_NAME))]
}

pub(super) fn leaves_by_tun() -> Vec<Expression> {
    vec![Expression::meta(Key::OutName), Expression::equal(&bytes::name(TUN_NAME))]
}

/// To one of N's own addresses.
pub(super) fn is_local() -> Vec<Expression> {
    const RTN_LOCAL: u32 = 2;
    vec![Expression::fib(FibResult::Kind), Expression::equal(&RTN_LOCAL.to_ne_bytes())]
}

/// To what lies behind a bridge.
pub(super) fn is_container() -> Vec<Expression> {
    vec![Expression::fib(FibResult::OutName), Expression::equal(BRIDGE_PREFIX.as_bytes())]
}

pub(super) fn is_version(is_version6: bool) -> Vec<Expression> {
    const NFPROTO: [u8; 2] = [2, 10];
    vec![Expression::meta(Key::Family), Expression::equal(&[NFPROTO[usize::from(is_version6)]])]
}

pub(super) fn is_protocol(number: u8) -> Vec<Expression> {
    vec![Expression::meta(Key::Protocol), Expression::equal(&[number])]
}

pub(super) fn is_tcp() -> Vec<Expression> {
    is_protocol(TCP)
}

pub(super) fn is_for_port(protocol: u8, port: u16) -> Vec<Expression> {
    let its = [Expression::payload(Base::Transport, 2, 2), Expression::equal(&port.to_be_bytes())];
    [is_protocol(protocol), its.into()].concat()
}

/// The port that it came by, which it is marked with, has had its share.
pub(super) fn is_beyond(share: &Share) -> Vec<Expression> {
    vec![Expression::meta(Key::Mark), Expression::over(share.name, share.rate, share.burst)]
}

pub(super) fn is_icmp(protocol: u8, kind: u8) -> Vec<Expression> {
    [is_protocol(protocol), vec![Expression::payload(Base::Transport, 0, 1), Expression::equal(&[kind])]].concat()
}

pub(super) fn is_ethernet(kind: u16) -> Vec<Expression> {
    vec![Expression::payload(Base::Link, 12, 2), Expression::equal(&kind.to_be_bytes())]
}

/// SYN alone of FIN, SYN, RST and ACK.
pub(super) fn has_flags_of_first_syn(wanted: bool) -> Vec<Expression> {
    const FLAGS_AT: u32 = 13;
    const LOOKED_AT: u8 = 0x17;
    const SYN: u8 = 0x02;
    let compared = if wanted { Expression::equal(&[SYN]) } else { Expression::unequal(&[SYN]) };
    vec![Expression::payload(Base::Transport, FLAGS_AT, 1), Expression::mask(&[LOOKED_AT]), compared]
}

/// A socket of the relay's, bound to somebody else's address, has this flow.
pub(super) fn has_socket() -> Vec<Expression> {
    vec![Expression::transparent_socket(), Expression::equal(&[1])]
}

pub(super) fn mark(value: u32) -> Vec<Expression> {
    vec![Expression::number(value), Expression::set_mark()]
}
