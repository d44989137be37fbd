//! Messages to nftables: all of a batch comes to be or nothing of it (linux/netfilter/nfnetlink.h, nf_tables.h).

use super::expression::Expression;
use crate::netlink::{Attributes, Message, Netlink};
use bunker_sys::SysResult;

/// NFPROTO_*.
pub const INET: u8 = 1;
pub const BRIDGE: u8 = 7;

/// NF_INET_*; bridges count alike.
pub const PREROUTING: u32 = 0;
pub const INPUT: u32 = 1;
pub const FORWARD: u32 = 2;
pub const POSTROUTING: u32 = 4;

pub const DROP: u32 = 0;
pub const ACCEPT: u32 = 1;

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// NFNL_SUBSYS_NFTABLES: in the upper byte of a message's kind, and what a batch is for.
const NFTABLES: u8 = 10;
const NEW_TABLE: u8 = 0;
const DELETE_TABLE: u8 = 2;
const NEW_CHAIN: u8 = 3;
const NEW_RULE: u8 = 6;
const NEW_SET: u8 = 9;
const NEW_ELEMENTS: u8 = 12;
const DELETE_ELEMENTS: u8 = 14;
/// NFT_SET_CONCAT
const SET_IS_CONCATENATION: u32 = 0x80;
/// NFT_SET_TIMEOUT, NFT_SET_EVAL: packets add to it, each element with a state of its own, and it goes after a while.
const SET_IS_METER: u32 = 0x10 | 0x20;
/// Only who prints sets asks for it.
const KIND_FOR_NOBODY: u32 = 0;

/// Where a chain is called from.
#[derive(Clone, Copy)]
pub struct Hook {
    pub number: u32,
    pub priority: i32,
    /// What no rule decides may pass.
    pub is_open: bool,
    /// It changes addresses.
    pub is_nat: bool,
}

pub struct Chain<'a> {
    pub name: &'a str,
    /// None: only by a jump.
    pub hook: Option<Hook>,
}

/// A set of several fields side by side, each padded to whole words of 4 bytes.
pub struct Set<'a> {
    pub name: &'a str,
    pub fields: &'a [u32],
    /// Bytes, padding included.
    pub key_length: u32,
}

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch(Vec<Message>);

/// A table that the batch works on.
pub struct Table<'a> {
    batch: &'a mut Batch,
    family: u8,
    name: &'a str,
}

impl Batch {
    /// A new table in place of the one that may be there.
    pub fn table<'a>(&'a mut self, family: u8, name: &'a str) -> Table<'a> {
        let named = Attributes::new().with_text(1, name);
        // Deleting what is not there fails: it is made first.
        self.push(NEW_TABLE, family, &named);
        self.push(DELETE_TABLE, family, &named);
        self.push(NEW_TABLE, family, &named);
        self.table_there(family, name)
    }

    /// A table that is there.
    pub fn table_there<'a>(&'a mut self, family: u8, name: &'a str) -> Table<'a> {
        Table { batch: self, family, name }
    }

    fn push(&mut self, kind: u8, family: u8, attributes: &Attributes) {
        let message = Message::new(u16::from_be_bytes([NFTABLES, kind]), &fixed(family, 0), attributes);
        self.0.push(message.ensuring().appending().quiet());
    }

    /// Makes it so.
    ///
    /// # Errors
    /// The first the kernel tells of: `ENOENT` for what this kernel (or a table) does not have.
    pub fn apply(self, call: &str, netlink: &mut Netlink) -> SysResult<()> {
        let edge = |kind| Message::new(kind, &fixed(0, NFTABLES), &Attributes::new()).quiet();
        let messages = [vec![edge(BATCH_BEGIN)], self.0, vec![edge(BATCH_END)]].concat();
        netlink.exchange(call, &messages).map(drop)
    }
}

impl Table<'_> {
    pub fn chain(&mut self, chain: &Chain<'_>) {
        let mut attributes = self.named(1).with_text(3, chain.name);
        if let Some(hook) = chain.hook {
            let place = Attributes::new().with_be32(1, hook.number).with_be32(2, hook.priority.cast_unsigned());
            let policy = if hook.is_open { ACCEPT } else { DROP };
            attributes = attributes
                .with_nested(4, &place)
                .with_be32(5, policy)
                .with_text(7, if hook.is_nat { "nat" } else { "filter" });
        }
        self.batch.push(NEW_CHAIN, self.family, &attributes);
    }

    /// At the end of the chain.
    pub fn rule(&mut self, chain: &str, rule: &[Expression]) {
        let listed = rule.iter().fold(Attributes::new(), |list, expression| expression.listed(list));
        let attributes = self.named(1).with_text(2, chain).with_nested(4, &listed);
        self.batch.push(NEW_RULE, self.family, &attributes);
    }

    pub fn set(&mut self, set: &Set<'_>) {
        let field = |list: Attributes, length: &u32| list.with_nested(1, &Attributes::new().with_be32(1, *length));
        let fields = set.fields.iter().fold(Attributes::new(), field);
        let attributes = self
            .named(1)
            .with_text(2, set.name)
            .with_be32(3, SET_IS_CONCATENATION)
            .with_be32(4, KIND_FOR_NOBODY)
            .with_be32(5, set.key_length)
            .with_nested(9, &Attributes::new().with_nested(2, &fields))
            .with_be32(10, set.key_length);
        self.batch.push(NEW_SET, self.family, &attributes);
    }

    /// A set for `Expression::over`: how often each number has come lately.
    pub fn meters(&mut self, name: &str) {
        /// More than there are ports of bridges.
        const MOST: u32 = 65_536;
        /// After which every burst is over.
        const KEPT_MS: u64 = 10_000;
        let attributes = self
            .named(1)
            .with_text(2, name)
            .with_be32(3, SET_IS_METER)
            .with_be32(4, KIND_FOR_NOBODY)
            .with_be32(5, 4)
            .with_nested(9, &Attributes::new().with_be32(1, MOST))
            .with_be32(10, MOST)
            .with(11, &KEPT_MS.to_be_bytes());
        self.batch.push(NEW_SET, self.family, &attributes);
    }

    pub fn add_elements(&mut self, set: &str, keys: &[Vec<u8>]) {
        self.elements(NEW_ELEMENTS, set, keys);
    }

    pub fn remove_elements(&mut self, set: &str, keys: &[Vec<u8>]) {
        self.elements(DELETE_ELEMENTS, set, keys);
    }

    fn elements(&mut self, kind: u8, set: &str, keys: &[Vec<u8>]) {
        let listed = keys.iter().fold(Attributes::new(), |list, key| {
            let value = Attributes::new().with(1, key);
            list.with_nested(1, &Attributes::new().with_nested(1, &value))
        });
        let attributes = self.named(1).with_text(2, set).with_nested(3, &listed);
        self.batch.push(kind, self.family, &attributes);
    }

    fn named(&self, kind: u16) -> Attributes {
        Attributes::new().with_text(kind, self.name)
    }
}

/// struct nfgenmsg: family, version, and in the network's order what a batch is for.
fn fixed(family: u8, resource: u8) -> [u8; 4] {
    [family, 0, 0, resource]
}
