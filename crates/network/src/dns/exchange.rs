//! What is said between us and a name server: our question, and whether something is the answer to it.

use domain::base::iana::{Opcode, Rcode};
use domain::base::message_builder::PushError;
use domain::base::{Message, MessageBuilder, ToName};

use super::message::{OUR_LIMIT, Question, Transport};

/// What a packet from a name server is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// No answer to what was asked.
    Nothing,
    /// It could not even read the question, or we cannot read the answer.
    Complaint,
    Answer {
        code: Rcode,
        is_truncated: bool,
    },
}

/// The question as we put it to a name server. Written anew: nothing of the client's packet but what was understood.
pub(crate) fn write_query(question: &Question, id: u16) -> Vec<u8> {
    let written = || -> Result<_, PushError> {
        let mut builder = MessageBuilder::new_vec();
        let header = builder.header_mut();
        header.set_id(id);
        header.set_rd(question.is_recursion_desired);
        header.set_cd(question.is_checking_disabled);
        header.set_ad(question.is_authentication_wanted);
        let mut builder = builder.question();
        builder.push((&question.name, question.kind, question.class))?;
        let mut builder = builder.additional();
        if let Some(edns) = question.edns {
            builder.opt(|opt| {
                opt.set_udp_payload_size(OUR_LIMIT);
                opt.set_dnssec_ok(edns.is_dnssec_wanted);
                Ok(())
            })?;
        }
        Ok(builder.finish())
    };
    // A vector has room for anything.
    written().unwrap_or_default()
}

/// Whether this is the answer to what was asked with `id`. Who sent it, the socket knows.
pub(crate) fn hear(packet: &[u8], question: &Question, id: u16) -> Heard {
    let Ok(message) = Message::from_octets(packet) else { return Heard::Nothing };
    let header = message.header();
    if !header.qr() || header.id() != id || header.opcode() != Opcode::QUERY {
        return Heard::Nothing;
    }
    if message.header_counts().qdcount() == 0 && header.rcode() != Rcode::NOERROR {
        return Heard::Complaint;
    }
    let Ok(repeated) = message.sole_question() else { return Heard::Nothing };
    let is_same = repeated.qname().name_eq(&question.name)
        && repeated.qtype() == question.kind
        && repeated.qclass() == question.class;
    if !is_same {
        return Heard::Nothing;
    }
    // Servers that cut may do so in the middle of a record.
    if !header.tc() && !is_well_formed(&message) {
        return Heard::Complaint;
    }
    Heard::Answer { code: header.rcode(), is_truncated: header.tc() }
}

/// Whether all records are there that are announced, and the names in front of them can be read.
fn is_well_formed(message: &Message<&[u8]>) -> bool {
    message.additional().is_ok_and(|mut records| records.all(|record| record.is_ok()))
}

/// A name server's answer as this client gets it: under its own number, and cut if it is too long.
pub(crate) fn fit(mut packet: Vec<u8>, question: &Question, transport: Transport) -> Vec<u8> {
    let is_sound = Message::from_octets(packet.as_slice()).is_ok_and(|message| is_well_formed(&message));
    if packet.len() > question.limit(transport) || !is_sound {
        return question.truncated();
    }
    if let Some(id) = packet.first_chunk_mut() {
        *id = question.id.to_be_bytes();
    }
    packet
}

#[cfg(test)]
#[path = "exchange_test.rs"]
mod tests;
