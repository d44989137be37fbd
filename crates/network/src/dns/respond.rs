//! What to do with a packet of a client: the rules, in the order they apply. As docker answers, with two differences: every
//! type of a name that is ours is answered here, and of an address that is ours but not the asker's nobody else is asked.

use std::net::IpAddr;

use domain::base::iana::{Class, OptRcode, Rtype};

use super::message::{Data, OwnedName, Question, Reading, Transport, read_question};
use super::zone::{Container, Zone};

/// Names for the host's own address, for containers that asked for it.
const HOST_NAMES: [&str; 2] = ["host.docker.internal", "host.containers.internal"];

/// What is to be done with a client's packet.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing: this was no question.
    Silence,
    /// Send this back.
    Answer(Vec<u8>),
    /// Ask a name server for this container: one of these, or, if there are none, the host's.
    Forward { question: Question, container: String, name_servers: Vec<IpAddr> },
}

/// What a name is to the asker.
enum Meaning {
    Unknown,
    Records(Vec<Data>),
    /// Ours, but not for the asker: as if it were nowhere.
    Hidden,
}

impl Zone {
    /// Decides about a packet from a source. Many addresses under one name are told in turn, beginning with number `turn`.
    pub fn respond(&self, packet: &[u8], source: IpAddr, (transport, turn): (Transport, usize)) -> Verdict {
        let question = match read_question(packet) {
            Reading::Nothing => return Verdict::Silence,
            Reading::Refused(reply) => return Verdict::Answer(reply),
            Reading::Question(question) => question,
        };
        if let Some(code) = objection(&question) {
            return Verdict::Answer(question.reply_with(code));
        }
        let Some(asker) = self.container_at(source) else {
            return Verdict::Answer(question.reply_with(OptRcode::REFUSED));
        };
        let labels = labels(&question.name);
        match self.meaning(asker, &question, &labels) {
            Meaning::Records(mut records) => {
                let first = turn.checked_rem(records.len()).unwrap_or(0);
                records.rotate_left(first);
                Verdict::Answer(question.reply(&records, transport))
            }
            Meaning::Hidden => Verdict::Answer(question.reply_with(OptRcode::NXDOMAIN)),
            Meaning::Unknown if !self.has_way_out(asker) => Verdict::Answer(question.reply_with(OptRcode::NXDOMAIN)),
            // The client tries its search list next; an upstream could only say no, or worse, yes.
            Meaning::Unknown
                if asker.is_ndots_set && question.name.label_count() <= 2 && is_for_address(question.kind) =>
            {
                Verdict::Answer(question.reply_with(OptRcode::NOERROR))
            }
            Meaning::Unknown => {
                Verdict::Forward { question, container: asker.id.clone(), name_servers: asker.name_servers.clone() }
            }
        }
    }

    fn meaning(&self, asker: &Container, question: &Question, labels: &[String]) -> Meaning {
        if let Some(address) = reversed_address(labels) {
            return match self.name_of(asker, address) {
                None => Meaning::Unknown,
                Some(name) if name.is_empty() => Meaning::Hidden,
                Some(name) => Meaning::Records(if matches!(question.kind, Rtype::PTR | Rtype::ANY) {
                    // A name that DNS cannot hold is none.
                    OwnedName::from_chars(name.chars()).map(Data::Name).into_iter().collect()
                } else {
                    Vec::new()
                }),
            };
        }
        let mut found = self.addresses(asker, labels);
        if found.is_empty() && !asker.host_addresses.is_empty() && HOST_NAMES.contains(&labels.join(".").as_str()) {
            found.push(asker.host_addresses.clone());
        }
        if found.is_empty() {
            return Meaning::Unknown;
        }
        let of_kind =
            |addresses: Vec<IpAddr>| addresses.into_iter().filter_map(|address| record(question.kind, address));
        let records = found.into_iter().map(|addresses| of_kind(addresses).collect::<Vec<_>>());
        Meaning::Records(records.into_iter().find(|records| !records.is_empty()).unwrap_or_default())
    }
}

/// Why a question cannot be answered, whatever its name.
fn objection(question: &Question) -> Option<OptRcode> {
    if question.edns.is_some_and(|edns| edns.version > 0) {
        return Some(OptRcode::BADVERS);
    }
    match question.kind {
        // Not types of records.
        Rtype::OPT => return Some(OptRcode::FORMERR),
        Rtype::AXFR | Rtype::IXFR | Rtype::TKEY | Rtype::TSIG => return Some(OptRcode::REFUSED),
        _ => (),
    }
    (question.class != Class::IN).then_some(OptRcode::REFUSED)
}

fn is_for_address(kind: Rtype) -> bool {
    matches!(kind, Rtype::A | Rtype::AAAA)
}

fn record(kind: Rtype, address: IpAddr) -> Option<Data> {
    match (kind, address) {
        (Rtype::A | Rtype::ANY, IpAddr::V4(address)) => Some(Data::V4(address)),
        (Rtype::AAAA | Rtype::ANY, IpAddr::V6(address)) => Some(Data::V6(address)),
        _ => None,
    }
}

/// A name's labels, lower-case, the root left out. What could be taken for something else in a text is escaped.
fn labels(name: &OwnedName) -> Vec<String> {
    let all = name.iter().filter(|label| !label.is_root());
    all.map(|label| label.to_string().to_ascii_lowercase()).collect()
}

/// The address that `4.3.2.1.in-addr.arpa` or 32 nibbles under `ip6.arpa` mean.
fn reversed_address(labels: &[String]) -> Option<IpAddr> {
    let (last, rest) = labels.split_last()?;
    let (family, digits) = rest.split_last()?;
    match (family.as_str(), last.as_str()) {
        ("in-addr", "arpa") if digits.len() == 4 => {
            let text = digits.iter().rev().cloned().collect::<Vec<_>>().join(".");
            text.parse().ok().map(IpAddr::V4)
        }
        ("ip6", "arpa") if digits.len() == 32 && digits.iter().all(|digit| is_nibble(digit)) => {
            let text: String = digits.iter().rev().cloned().collect();
            u128::from_str_radix(&text, 16).ok().map(|bits| IpAddr::V6(bits.into()))
        }
        _ => None,
    }
}

fn is_nibble(label: &str) -> bool {
    label.len() == 1 && label.chars().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
#[path = "respond_test.rs"]
mod tests;
