//! The words a rule is made of (linux/netfilter/nf_tables.h). All work on one register of 16 bytes, of which some take a word of 4.

use crate::netlink::Attributes;
use std::net::{Ipv4Addr, Ipv6Addr};

/// NFT_REG_1: what a word loads and the next looks at.
const REGISTER: u32 = 1;
/// NFT_REG_2.
const SECOND: u32 = 2;
/// NFT_REG32_00: the first word of `REGISTER`.
const FIRST_WORD: u32 = 8;

const DATA_VALUE: u16 = 1;
const DATA_VERDICT: u16 = 2;
const VERDICT_CODE: u16 = 1;
const VERDICT_CHAIN: u16 = 2;
const NFT_JUMP: u32 = (-3_i32).cast_unsigned();

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    name: &'static str,
    data: Attributes,
}

/// What the kernel knows of a packet (NFT_META_*).
#[derive(Clone, Copy)]
pub enum Key {
    Mark = 3,
    InIndex = 4,
    OutIndex = 5,
    InName = 6,
    OutName = 7,
    Family = 15,
    Protocol = 16,
}

/// Where an offset counts from (NFT_PAYLOAD_*).
#[derive(Clone, Copy)]
pub enum Base {
    Link = 0,
    Network = 1,
    Transport = 2,
}

/// What the routes say of the destination (NFT_FIB_RESULT_*).
#[derive(Clone, Copy)]
pub enum FibResult {
    OutName = 2,
    Kind = 3,
}

pub mod bytes {
    /// A link's name, whole: compared to its end.
    pub fn name(text: &str) -> Vec<u8> {
        /// IFNAMSIZ
        const SIZE: usize = 16;
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(SIZE, 0);
        bytes
    }
}

impl Expression {
    fn one(name: &'static str, data: Attributes) -> Self {
        Self { name, data }
    }

    pub fn meta(key: Key) -> Self {
        meta_into(REGISTER, key)
    }

    /// Into this word of the register instead of its beginning.
    pub fn meta_into_word(word: u32, key: Key) -> Self {
        meta_into(FIRST_WORD + word, key)
    }

    pub fn payload(base: Base, offset: u32, length: u32) -> Self {
        payload_into(REGISTER, base, offset, length)
    }

    /// Into this word of the register instead of its beginning.
    pub fn payload_into_word(word: u32, base: Base, offset: u32, length: u32) -> Self {
        payload_into(FIRST_WORD + word, base, offset, length)
    }

    /// Of what was loaded only these bits.
    pub fn mask(bits: &[u8]) -> Self {
        let value = |bytes: &[u8]| Attributes::new().with(DATA_VALUE, bytes);
        let length = u32::try_from(bits.len()).unwrap_or(u32::MAX);
        let data = Attributes::new()
            .with_be32(1, REGISTER)
            .with_be32(2, REGISTER)
            .with_be32(3, length)
            .with_nested(4, &value(bits))
            .with_nested(5, &value(&vec![0; bits.len()]));
        Self::one("bitwise", data)
    }

    /// What was loaded, a number, and these bits.
    pub fn with_bits(bits: u32) -> Self {
        let value = |number: u32| Attributes::new().with(DATA_VALUE, &number.to_ne_bytes());
        let data = Attributes::new()
            .with_be32(1, REGISTER)
            .with_be32(2, REGISTER)
            .with_be32(3, 4)
            .with_nested(4, &value(!bits))
            .with_nested(5, &value(bits));
        Self::one("bitwise", data)
    }

    pub fn fib(result: FibResult) -> Self {
        const OF_DESTINATION: u32 = 2;
        let data = Attributes::new().with_be32(1, REGISTER).with_be32(2, result as u32).with_be32(3, OF_DESTINATION);
        Self::one("fib", data)
    }

    pub fn transparent_socket() -> Self {
        const TRANSPARENT: u32 = 0;
        Self::one("socket", Attributes::new().with_be32(1, TRANSPARENT).with_be32(2, REGISTER))
    }

    /// Goes on if it belongs to a flow that was let through before, or tells of one (`ct state`).
    pub fn of_known_flow() -> Vec<Self> {
        const STATE: u32 = 0;
        const ESTABLISHED_OR_RELATED: u32 = 2 | 4;
        let load = Self::one("ct", Attributes::new().with_be32(1, REGISTER).with_be32(2, STATE));
        vec![load, Self::mask(&ESTABLISHED_OR_RELATED.to_ne_bytes()), Self::unequal(&[0; 4])]
    }

    /// From now on its source is the address of the interface it leaves by.
    pub fn masquerade() -> Self {
        Self::one("masq", Attributes::new())
    }

    /// Goes on if there is a socket for it.
    pub fn any_socket() -> Self {
        const WILDCARD: u32 = 2;
        Self::one("socket", Attributes::new().with_be32(1, WILDCARD).with_be32(2, REGISTER))
    }

    /// Goes on if it begins so.
    pub fn equal(value: &[u8]) -> Self {
        compare(0, value)
    }

    /// Goes on unless it begins so.
    pub fn unequal(value: &[u8]) -> Self {
        compare(1, value)
    }

    /// Goes on if what the words loaded is in the set.
    pub fn in_set(set: &str) -> Self {
        Self::one("lookup", Attributes::new().with_text(1, set).with_be32(2, REGISTER))
    }

    /// Goes on if it is not.
    pub fn not_in(set: &str) -> Self {
        const INVERTED: u32 = 1;
        Self::one("lookup", Attributes::new().with_text(1, set).with_be32(2, REGISTER).with_be32(5, INVERTED))
    }

    /// Goes on if what was loaded comes more often than so many times in a second, after as many as `burst` at once.
    pub fn over(meters: &str, rate: u64, burst: u32) -> Self {
        const UPDATE: u32 = 1;
        const PACKETS: u32 = 0;
        const INVERTED: u32 = 1;
        const SECOND: u64 = 1;
        let limit = Attributes::new()
            .with(1, &rate.to_be_bytes())
            .with(2, &SECOND.to_be_bytes())
            .with_be32(3, burst)
            .with_be32(4, PACKETS)
            .with_be32(5, INVERTED);
        let each = Attributes::new().with_text(1, "limit").with_nested(2, &limit);
        let data =
            Attributes::new().with_text(1, meters).with_be32(3, UPDATE).with_be32(4, REGISTER).with_nested(7, &each);
        Self::one("dynset", data)
    }

    /// Loads a number.
    pub fn number(value: u32) -> Self {
        Self::one("immediate", immediate(REGISTER, &value.to_ne_bytes()))
    }

    pub fn set_mark() -> Self {
        Self::one("meta", Attributes::new().with_be32(2, Key::Mark as u32).with_be32(3, REGISTER))
    }

    /// To the listener at this port of the loopback address.
    pub fn tproxy(is_version6: bool, port: u16) -> Vec<Self> {
        const NFPROTO_IPV4: u32 = 2;
        const NFPROTO_IPV6: u32 = 10;
        let (family, address) = if is_version6 {
            (NFPROTO_IPV6, Ipv6Addr::LOCALHOST.octets().to_vec())
        } else {
            (NFPROTO_IPV4, Ipv4Addr::LOCALHOST.octets().to_vec())
        };
        let data = Attributes::new().with_be32(1, family).with_be32(2, REGISTER).with_be32(3, SECOND);
        let load = |register, value: &[u8]| Self::one("immediate", immediate(register, value));
        vec![load(REGISTER, &address), load(SECOND, &port.to_be_bytes()), Self::one("tproxy", data)]
    }

    pub fn reset() -> Self {
        const TCP_RESET: u32 = 1;
        reject(TCP_RESET, 0)
    }

    pub fn port_unreachable() -> Self {
        const EITHER_ICMP: u32 = 2;
        const PORT_UNREACHABLE: u8 = 1;
        reject(EITHER_ICMP, PORT_UNREACHABLE)
    }

    /// NFTA_LIST_ELEM
    pub(super) fn listed(&self, list: Attributes) -> Attributes {
        list.with_nested(1, &Attributes::new().with_text(1, self.name).with_nested(2, &self.data))
    }
}

/// The packet's end, or `NF_ACCEPT`.
pub fn verdict(code: u32) -> Expression {
    Expression::one("immediate", verdict_data(&Attributes::new().with_be32(VERDICT_CODE, code)))
}

pub fn jump(chain: &str) -> Expression {
    let to = Attributes::new().with_be32(VERDICT_CODE, NFT_JUMP).with_text(VERDICT_CHAIN, chain);
    Expression::one("immediate", verdict_data(&to))
}

fn verdict_data(verdict: &Attributes) -> Attributes {
    const VERDICT_REGISTER: u32 = 0;
    let value = Attributes::new().with_nested(DATA_VERDICT, verdict);
    Attributes::new().with_be32(1, VERDICT_REGISTER).with_nested(2, &value)
}

fn meta_into(register: u32, key: Key) -> Expression {
    Expression::one("meta", Attributes::new().with_be32(1, register).with_be32(2, key as u32))
}

fn payload_into(register: u32, base: Base, offset: u32, length: u32) -> Expression {
    let data =
        Attributes::new().with_be32(1, register).with_be32(2, base as u32).with_be32(3, offset).with_be32(4, length);
    Expression::one("payload", data)
}

fn compare(operation: u32, value: &[u8]) -> Expression {
    let data = Attributes::new()
        .with_be32(1, REGISTER)
        .with_be32(2, operation)
        .with_nested(3, &Attributes::new().with(DATA_VALUE, value));
    Expression::one("cmp", data)
}

fn immediate(register: u32, value: &[u8]) -> Attributes {
    Attributes::new().with_be32(1, register).with_nested(2, &Attributes::new().with(DATA_VALUE, value))
}

fn reject(kind: u32, code: u8) -> Expression {
    Expression::one("reject", Attributes::new().with_be32(1, kind).with(2, &[code]))
}
