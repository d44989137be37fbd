use super::*;
use crate::dns::packet_text::{ID, answer, question};
use proptest::prelude::*;

fn reading(packet: &[u8]) -> String {
    match read_question(packet) {
        Reading::Nothing => "nothing".to_owned(),
        Reading::Refused(reply) => {
            assert_eq!(reply[..2], packet[..2], "the id");
            answer(&reply)
        }
        Reading::Question(question) => format!("{} {}", question.name, question.kind),
    }
}

fn changed(packet: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet.splice(at..at + bytes.len(), bytes.iter().copied());
    packet
}

fn read(words: &str) -> Question {
    match read_question(&question(words)) {
        Reading::Question(question) => question,
        _ => panic!("{words}"),
    }
}

#[test]
fn what_is_no_question_gets_an_error_or_nothing() {
    let plain = question("web A");
    let with_edns = question("web A udp=1232");
    let two = [&with_edns[..], &with_edns[plain.len()..]].concat();
    // The header with one question, then a name that points to itself, and one that points ahead.
    let pointing = |at: u8| [&changed(&plain, 4, &[0, 1])[..12], &[0xc0, at, 0, 1, 0, 1]].concat();
    let long: Vec<u8> = [&plain[..12], &[&[63][..], &[b'a'; 63]].concat().repeat(5), &[0, 0, 1, 0, 1]].concat();
    let table: &[(&str, Vec<u8>, &str)] = &[
        ("well formed", plain.clone(), "web A"),
        ("with EDNS", with_edns.clone(), "web A"),
        ("empty", vec![], "nothing"),
        ("shorter than a header", plain[..11].to_vec(), "nothing"),
        ("only a header", plain[..12].to_vec(), "FORMERR"),
        ("cut within the name", plain[..14].to_vec(), "FORMERR"),
        ("an answer", changed(&plain, 2, &[0x81]), "nothing"),
        ("an update", changed(&plain, 2, &[0x28]), "NOTIMP"),
        ("no question", changed(&plain, 4, &[0, 0]), "FORMERR"),
        ("65535 questions", changed(&plain, 4, &[0xff, 0xff]), "FORMERR"),
        ("65535 answers that are not there", changed(&plain, 6, &[0xff, 0xff]), "FORMERR"),
        ("65535 more records that are not there", changed(&plain, 10, &[0xff, 0xff]), "FORMERR"),
        ("two OPT records", changed(&two, 10, &[0, 2]), "FORMERR"),
        ("a name that points to itself", pointing(12), "FORMERR"),
        ("a name that points ahead", pointing(14), "FORMERR"),
        ("a name that is in the header", pointing(2), "\\000 A"),
        ("a name of more than 255 bytes", long, "FORMERR"),
        ("a label of a kind that is not in use", changed(&plain, 12, &[0x43]), "FORMERR"),
        ("bytes after the end", [&plain[..], b"more"].concat(), "web A"),
    ];
    for (name, packet, expected) in table {
        assert_eq!(reading(packet), *expected, "{name}");
    }
}

#[test]
fn an_answer_is_no_longer_than_the_client_takes() {
    let many: Vec<_> = (0..4000_u32).map(|number| Data::V4(Ipv4Addr::from(number))).collect();
    let table = [
        ("web A", Transport::Udp, 512),
        ("web A udp=100", Transport::Udp, 512),
        ("web A udp=1232", Transport::Udp, 1232),
        ("web A udp=65535", Transport::Udp, 4096),
        ("web A", Transport::Tcp, 65535),
    ];
    for (words, transport, limit) in table {
        let reply = read(words).reply(&many, transport);
        // One record is 16 bytes, an OPT record 11, for which room is left in any case.
        assert!(reply.len() <= limit && reply.len() >= limit - 16 - 11 || transport == Transport::Tcp, "{words}");
        assert_eq!(answer(&reply).contains("TC"), transport == Transport::Udp, "{words}");
        assert_eq!(reply[..2], ID.to_be_bytes());
    }
}

#[test]
fn edns_is_answered_where_it_is_asked_and_only_there() {
    let edns = |words: &str| {
        let reply = read(words).reply(&[], Transport::Udp);
        let message = Message::from_octets(reply).expect("a message");
        message.opt().map(|opt| (opt.udp_payload_size(), opt.dnssec_ok()))
    };
    assert_eq!(edns("web A"), None);
    assert_eq!(edns("web A udp=4096"), Some((1232, false)));
    assert_eq!(edns("web A do"), Some((1232, true)));
}

#[test]
fn the_name_is_repeated_as_it_was_written() {
    let reply = read("WeB.ExAmple A").reply(&[Data::V4(Ipv4Addr::LOCALHOST)], Transport::Udp);
    assert!(reply.windows(3).any(|bytes| bytes == b"WeB"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_answered_with_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        reading(&bytes);
    }

    #[test]
    fn damaged_questions_too(at in 0_usize..40, byte: u8, cut in 0_usize..60, other in 0_usize..40) {
        let mut packet = question("web.example.org AAAA do");
        if let Some(place) = packet.get_mut(at) { *place = byte; }
        if let Some(place) = packet.get_mut(other) { *place ^= 1 << (byte % 8); }
        packet.truncate(cut);
        match read_question(&packet) {
            Reading::Question(question) => {
                let name = Data::Name(question.name.clone());
                let reply = question.reply(&[name, Data::V6(Ipv6Addr::LOCALHOST)], Transport::Udp);
                prop_assert!(reply.len() >= 12);
            }
            Reading::Refused(reply) => prop_assert_eq!(reply.len(), 12),
            Reading::Nothing => (),
        }
    }
}
