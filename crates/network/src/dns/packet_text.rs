//! For tests: questions from words, and answers as words.

use domain::base::iana::{Class, Rtype};
use domain::base::{Message, MessageBuilder, Name};
use domain::rdata::AllRecordData;

/// The id of every question here.
pub(crate) const ID: u16 = 0x1234;

/// A question in words: a name, a type and, after them, `udp=SIZE` (EDNS with it) or `do`.
pub(crate) fn question(words: &str) -> Vec<u8> {
    let words: Vec<_> = words.split(' ').collect();
    let name: Name<Vec<u8>> = words[0].parse().expect("a name");
    let kind: Rtype = words[1].parse().expect("a type");
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(ID);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    builder.push((name, kind, Class::IN)).expect("room");
    let mut builder = builder.additional();
    let size = words.iter().find_map(|word| word.strip_prefix("udp="));
    if size.is_some() || words.contains(&"do") {
        let filled = builder.opt(|opt| {
            opt.set_udp_payload_size(size.and_then(|size| size.parse().ok()).unwrap_or(1232));
            opt.set_dnssec_ok(words.contains(&"do"));
            Ok(())
        });
        filled.expect("room");
    }
    builder.finish()
}

/// An answer in words: its code, `TC` if there is more, then what its records say.
pub(crate) fn answer(packet: &[u8]) -> String {
    let message = Message::from_octets(packet).expect("a message");
    let header = message.header();
    assert!(header.qr(), "an answer");
    let mut words = vec![message.opt_rcode().to_string()];
    if header.tc() {
        words.push("TC".to_owned());
    }
    for record in message.answer().expect("answers") {
        let record = record.expect("an answer").into_any_record::<AllRecordData<_, _>>().expect("known data");
        words.push(format!("{} {}", record.rtype(), record.data()));
    }
    words.join(", ")
}
