//! A question that waits for an answer, and what makes two questions one.

use std::net::SocketAddr;
use std::time::Instant;

use domain::base::iana::Rtype;

use super::Asker;
use crate::dns::message::{Question, Transport};
use crate::dns::resolv_conf::Upstreams;

/// What makes two questions one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// As written: each client gets its own letters back.
    name: Vec<u8>,
    kind: Rtype,
    /// Recursion, checking, authentication, EDNS, DNSSEC.
    flags: [bool; 5],
    transport: Transport,
    servers: Vec<SocketAddr>,
}

impl Key {
    pub(super) fn new(question: &Question, transport: Transport, servers: &[SocketAddr]) -> Self {
        Self {
            name: question.name.as_slice().to_vec(),
            kind: question.kind,
            flags: [
                question.is_recursion_desired,
                question.is_checking_disabled,
                question.is_authentication_wanted,
                question.edns.is_some(),
                question.edns.is_some_and(|edns| edns.is_dnssec_wanted),
            ],
            transport,
            servers: servers.to_vec(),
        }
    }
}

/// One client's share in a question: numbers and sizes differ.
pub(super) struct Asking<C> {
    pub(super) asker: Asker<C>,
    pub(super) question: Question,
    pub(super) turn: u64,
}

/// A question that waits for an answer.
pub(super) struct Pending<C> {
    pub(super) key: Key,
    /// The first one asked first.
    pub(super) askings: Vec<Asking<C>>,
    pub(super) question: Question,
    pub(super) upstreams: Upstreams,
    /// Tries so far, the one under way among them.
    pub(super) tries: usize,
    pub(super) end: Instant,
    pub(super) deadline: Instant,
    pub(super) id: u16,
    pub(super) transport: Transport,
    /// Told if nobody knows better.
    pub(super) refusal: Option<Vec<u8>>,
}

impl<C> Pending<C> {
    pub(super) fn is_for_streams(&self) -> bool {
        self.key.transport == Transport::Tcp
    }

    pub(super) fn first_transport(&self) -> Transport {
        if self.upstreams.is_stream_only { Transport::Tcp } else { Transport::Udp }
    }
}
