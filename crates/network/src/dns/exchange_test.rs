use super::*;
use crate::dns::message::{Reading, read_question};
use crate::dns::packet_text::{answer, question};
use proptest::prelude::*;

const ASKED: u16 = 0x7777;

fn read(words: &str) -> Question {
    match read_question(&question(words)) {
        Reading::Question(question) => question,
        _ => panic!("{words}"),
    }
}

/// What a name server would say to a question, with bytes changed.
fn reply(words: &str, changes: &[(usize, u8)]) -> Vec<u8> {
    let mut packet = write_query(&read(words), ASKED);
    packet[2] |= 0x80;
    for (at, byte) in changes {
        packet[*at] = *byte;
    }
    packet
}

#[test]
fn only_the_answer_to_the_question_is_one() {
    let asked = read("www.example.org A do");
    let answered = |is_truncated, code| Heard::Answer { code, is_truncated };
    let cut = [&[0x77, 0x77, 0x81, 0x81], &[0; 8][..]].concat();
    let table = [
        ("the answer", reply("www.example.org A do", &[]), answered(false, Rcode::NOERROR)),
        ("in other letters", reply("WWW.Example.Org A", &[]), answered(false, Rcode::NOERROR)),
        ("cut", reply("www.example.org A", &[(2, 0x83)]), answered(true, Rcode::NOERROR)),
        ("no such name", reply("www.example.org A", &[(3, 3)]), answered(false, Rcode::NXDOMAIN)),
        ("another number", reply("www.example.org A", &[(0, 0x78)]), Heard::Nothing),
        ("a question", reply("www.example.org A", &[(2, 0x01)]), Heard::Nothing),
        ("another operation", reply("www.example.org A", &[(2, 0x91)]), Heard::Nothing),
        ("another name", reply("www.example.com A", &[]), Heard::Nothing),
        ("another type", reply("www.example.org AAAA", &[]), Heard::Nothing),
        ("another class", reply("www.example.org A", &[(32, 3)]), Heard::Nothing),
        ("two questions", reply("www.example.org A", &[(5, 2)]), Heard::Nothing),
        ("records that are not there", reply("www.example.org A", &[(7, 9)]), Heard::Complaint),
        ("the same, cut", reply("www.example.org A", &[(7, 9), (2, 0x83)]), answered(true, Rcode::NOERROR)),
        ("an error without a question", cut.clone(), Heard::Complaint),
        ("nothing without a question", [&cut[..3], &[0x80], &cut[4..]].concat(), Heard::Nothing),
        ("nothing at all", vec![], Heard::Nothing),
    ];
    for (name, packet, expected) in table {
        assert_eq!(hear(&packet, &asked, ASKED), expected, "{name}");
    }
}

#[test]
fn a_client_gets_its_own_number_and_no_more_than_it_takes() {
    let long = [reply("www.example.org A", &[]), vec![0; 1000]].concat();
    let fitted = |words: &str, transport| fit(long.clone(), &read(words), transport);
    assert_eq!(fitted("www.example.org A udp=1232", Transport::Udp).len(), long.len());
    assert_eq!(fitted("www.example.org A", Transport::Tcp).len(), long.len());
    assert_eq!(fitted("www.example.org A udp=1232", Transport::Udp)[..2], crate::dns::packet_text::ID.to_be_bytes());
    assert_eq!(answer(&fitted("www.example.org A", Transport::Udp)), "NOERROR, TC");
    let cut = reply("www.example.org A", &[(2, 0x83), (7, 9)]);
    assert_eq!(answer(&fit(cut, &read("www.example.org A"), Transport::Udp)), "NOERROR, TC");
}

#[test]
fn a_name_server_hears_what_was_understood_and_nothing_else() {
    let mut packet = question("Www.example.org AAAA do");
    packet.extend_from_slice(b"smuggled");
    let Reading::Question(asked) = read_question(&packet) else { panic!("a question") };
    let query = write_query(&asked, ASKED);
    assert_eq!(query[..2], ASKED.to_be_bytes());
    assert_eq!(query[2..], question("Www.example.org AAAA do")[2..]);
}

proptest! {
    #[test]
    fn whatever_a_name_server_says_is_heard_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), keep in 0_usize..40) {
        let mut packet = reply("www.example.org A do", &[]);
        packet.truncate(keep);
        packet.extend(bytes);
        let asked = read("www.example.org A do");
        hear(&packet, &asked, ASKED);
        fit(packet, &asked, Transport::Udp);
    }
}
