//! DNS messages (RFC 1035, EDNS: RFC 6891) as far as a resolver for containers needs them: a question read, an answer
//! written. Nothing here knows any name.

use std::net::{Ipv4Addr, Ipv6Addr};

use domain::base::iana::{Class, Opcode, OptRcode, Rcode, Rtype};
use domain::base::message_builder::{AnswerBuilder, PushError, StaticCompressor};
use domain::base::opt::{Opt, OptRecord};
use domain::base::wire::ParseError;
use domain::base::{Header, Message, MessageBuilder, Name, ToName};
use domain::rdata::{A, Aaaa, Ptr};

/// Whoever does without EDNS gets no longer datagram (RFC 1035, 4.2.1).
pub(crate) const PLAIN_LIMIT: u16 = 512;
/// The longest datagram that we announce: fits through every path unfragmented (DNS flag day 2020).
pub(crate) const OUR_LIMIT: u16 = 1232;
/// What is longer is fragmented into too many pieces, whatever the client says: by TCP, please.
const LONGEST_DATAGRAM: u16 = 4096;
/// Header only.
const HEADER_SIZE: usize = 12;
/// An OPT record without options: root name, type, class, TTL, length.
const OPT_SIZE: usize = 11;
/// Containers come and go: short, so that a client that caches finds a successor; long enough that one that asks for each
/// connection need not.
const TTL_SECONDS: u32 = 5;

pub(crate) type OwnedName = Name<Vec<u8>>;

/// How a question came, and so how long its answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Udp,
    Tcp,
}

/// What a client says of itself in an OPT record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Edns {
    pub(crate) udp_size: u16,
    pub(crate) version: u8,
    pub(crate) is_dnssec_wanted: bool,
}

/// One well-formed question of a client.
#[derive(Clone, Debug)]
pub struct Question {
    pub(crate) id: u16,
    pub(crate) name: OwnedName,
    pub(crate) kind: Rtype,
    pub(crate) class: Class,
    pub(crate) is_recursion_desired: bool,
    pub(crate) is_checking_disabled: bool,
    pub(crate) is_authentication_wanted: bool,
    pub(crate) edns: Option<Edns>,
}

/// What came of reading a client's packet.
pub(crate) enum Reading {
    /// Nothing that must be answered: no header, or an answer itself (two servers could answer each other for ever).
    Nothing,
    /// Not a question; this says so.
    Refused(Vec<u8>),
    Question(Question),
}

/// Data of a record that we have to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Name(OwnedName),
}

/// Reads what a client sent.
pub(crate) fn read_question(packet: &[u8]) -> Reading {
    let Ok(message) = Message::from_octets(packet) else { return Reading::Nothing };
    let header = message.header();
    if header.qr() {
        return Reading::Nothing;
    }
    if header.opcode() != Opcode::QUERY {
        return Reading::Refused(bare_reply(header, Rcode::NOTIMP));
    }
    match parse(&message) {
        Ok(question) => Reading::Question(question),
        Err(_) => Reading::Refused(bare_reply(header, Rcode::FORMERR)),
    }
}

fn parse(message: &Message<&[u8]>) -> Result<Question, ParseError> {
    let question = message.sole_question()?;
    let header = message.header();
    Ok(Question {
        id: header.id(),
        name: question.qname().to_vec(),
        kind: question.qtype(),
        class: question.qclass(),
        is_recursion_desired: header.rd(),
        is_checking_disabled: header.cd(),
        is_authentication_wanted: header.ad(),
        edns: parse_edns(message)?,
    })
}

fn parse_edns(message: &Message<&[u8]>) -> Result<Option<Edns>, ParseError> {
    let mut found = None;
    for record in message.additional()? {
        let record = record?;
        if record.rtype() != Rtype::OPT {
            continue;
        }
        let is_second = found.is_some();
        let Some(record) = record.into_record::<Opt<_>>()? else { continue };
        // RFC 6891, 6.1.1: only one, and its name is the root.
        if is_second || !record.owner().is_root() {
            return Err(ParseError::form_error("OPT"));
        }
        let record = OptRecord::from_record(record);
        found = Some(Edns {
            udp_size: record.udp_payload_size(),
            version: record.version(),
            is_dnssec_wanted: record.dnssec_ok(),
        });
    }
    Ok(found)
}

/// A header that says what was wrong; a question that cannot be read cannot be repeated.
fn bare_reply(asked: Header, code: Rcode) -> Vec<u8> {
    let mut header = Header::new();
    header.set_id(asked.id());
    header.set_qr(true);
    header.set_opcode(asked.opcode());
    header.set_rd(asked.rd());
    header.set_rcode(code);
    let mut reply = header.as_slice().to_vec();
    reply.resize(HEADER_SIZE, 0);
    reply
}

impl Question {
    /// The most bytes that an answer to this may have.
    pub(crate) fn limit(&self, transport: Transport) -> usize {
        match transport {
            Transport::Tcp => usize::from(u16::MAX),
            Transport::Udp => {
                let offered = self.edns.map_or(PLAIN_LIMIT, |edns| edns.udp_size);
                usize::from(offered.clamp(PLAIN_LIMIT, LONGEST_DATAGRAM))
            }
        }
    }

    /// An answer without records.
    pub(crate) fn reply_with(&self, code: OptRcode) -> Vec<u8> {
        self.write(code, &[], usize::from(PLAIN_LIMIT)).unwrap_or_default()
    }

    /// An answer with as many of these as fit; if not all do, it says so.
    pub(crate) fn reply(&self, records: &[Data], transport: Transport) -> Vec<u8> {
        self.write(OptRcode::NOERROR, records, self.limit(transport)).unwrap_or_default()
    }

    /// An answer that only says: ask by TCP.
    pub(crate) fn truncated(&self) -> Vec<u8> {
        /// In the header's third byte (RFC 1035, 4.1.1).
        const TRUNCATED: u8 = 0x02;
        let mut reply = self.reply_with(OptRcode::NOERROR);
        if let Some(flags) = reply.get_mut(2) {
            *flags |= TRUNCATED;
        }
        reply
    }

    /// Cannot fail: a question and an OPT record are shorter than the shortest limit (12 + 255 + 4 + 11 bytes).
    fn write(&self, code: OptRcode, records: &[Data], limit: usize) -> Result<Vec<u8>, PushError> {
        let mut builder = MessageBuilder::from_target(StaticCompressor::new(Vec::new()))?;
        builder.set_push_limit(limit.saturating_sub(OPT_SIZE));
        let header = builder.header_mut();
        header.set_id(self.id);
        header.set_qr(true);
        header.set_ra(true);
        header.set_rd(self.is_recursion_desired);
        header.set_cd(self.is_checking_disabled);
        header.set_rcode(code.rcode());
        let mut builder = builder.question();
        builder.push((&self.name, self.kind, self.class))?;
        let mut builder = builder.answer();
        for record in records {
            if self.push(&mut builder, record).is_err() {
                builder.header_mut().set_tc(true);
                break;
            }
        }
        let mut builder = builder.additional();
        builder.set_push_limit(limit);
        if let Some(edns) = self.edns {
            builder.opt(|opt| {
                opt.set_udp_payload_size(OUR_LIMIT);
                opt.set_dnssec_ok(edns.is_dnssec_wanted);
                opt.set_rcode(code);
                Ok(())
            })?;
        }
        Ok(builder.finish().into_target())
    }

    fn push(&self, builder: &mut AnswerBuilder<StaticCompressor<Vec<u8>>>, record: &Data) -> Result<(), PushError> {
        match record {
            Data::V4(address) => builder.push((&self.name, Class::IN, TTL_SECONDS, A::new(*address))),
            Data::V6(address) => builder.push((&self.name, Class::IN, TTL_SECONDS, Aaaa::new(*address))),
            Data::Name(name) => builder.push((&self.name, Class::IN, TTL_SECONDS, Ptr::new(name))),
        }
    }
}

#[cfg(test)]
#[path = "message_test.rs"]
mod tests;
