use super::*;
use crate::dns::message::{Reading, read_question};
use crate::dns::packet_text::{answer, question};
use proptest::prelude::*;

#[path = "forward_shares_test.rs"]
mod shares;

const CONTAINER: &str = "a";

/// A forwarder, a clock that is told the time, and what it was told to do, in words.
struct Bench {
    forwarder: Forwarder<u32>,
    start: Instant,
    now: Instant,
    upstreams: Upstreams,
    /// The last packet of each flight.
    packets: HashMap<u64, Vec<u8>>,
    last: u64,
}

impl Bench {
    fn new(servers: &[&str]) -> Self {
        let mut next = 0x1000;
        let random = move || {
            next += 1;
            next
        };
        let now = Instant::now();
        let servers = servers.iter().map(|server| format!("{server}:53").parse().expect("an address")).collect();
        Self {
            forwarder: Forwarder::new(random),
            start: now,
            now,
            upstreams: Upstreams { servers, ..Upstreams::default() },
            packets: HashMap::new(),
            last: 0,
        }
    }

    fn ask(&mut self, words: &str, container: &str, (transport, client): (Transport, u32)) -> String {
        let Reading::Question(question) = read_question(&question(words)) else { panic!("{words}") };
        let asker = Asker { container: container.to_owned(), transport, client };
        self.forwarder.ask(question, asker, &self.upstreams.clone(), self.now);
        self.done()
    }

    fn udp(&mut self, words: &str, client: u32) -> String {
        self.ask(words, CONTAINER, (Transport::Udp, client))
    }

    fn tcp(&mut self, words: &str, client: u32) -> String {
        self.ask(words, CONTAINER, (Transport::Tcp, client))
    }

    /// The last question, turned into an answer, with bytes changed.
    fn hear(&mut self, changes: &[(usize, u8)]) -> String {
        self.hear_of(self.last, changes)
    }

    fn hear_of(&mut self, flight: u64, changes: &[(usize, u8)]) -> String {
        let mut packet = self.packets[&flight].clone();
        packet[2] |= 0x80;
        for (at, byte) in changes {
            packet[*at] = *byte;
        }
        self.forwarder.receive(flight, packet, self.now);
        self.done()
    }

    fn at(&mut self, milliseconds: u64) -> String {
        self.now = self.start + Duration::from_millis(milliseconds);
        self.forwarder.expire(self.now);
        self.done()
    }

    fn fail(&mut self) -> String {
        self.forwarder.fail(self.last, self.now);
        self.done()
    }

    fn done(&mut self) -> String {
        let mut words = Vec::new();
        while let Some(action) = self.forwarder.next_action() {
            words.push(match action {
                Action::Ask { flight, server, transport, packet } => {
                    self.packets.insert(flight, packet);
                    self.last = flight;
                    let by = if transport == Transport::Tcp { " by TCP" } else { "" };
                    format!("ask {}{by}", server.ip())
                }
                Action::Close { .. } => continue,
                Action::Answer { asker, packet } => format!("{}: {}", asker.client, answer(&packet)),
            });
        }
        words.join("; ")
    }

    fn is_idle(&self) -> bool {
        let Forwarder { flights, by_question, deadlines, open, .. } = &self.forwarder;
        flights.is_empty() && by_question.is_empty() && deadlines.is_empty() && open.is_empty()
    }
}

const NXDOMAIN: (usize, u8) = (3, 3);
const SERVFAIL: (usize, u8) = (3, 2);
const TRUNCATED: (usize, u8) = (2, 0x83);

#[test]
fn an_answer_goes_to_who_asked() {
    let mut bench = Bench::new(&["1.0.0.1"]);
    assert_eq!(bench.udp("a.b A", 1), "ask 1.0.0.1");
    assert_eq!(bench.hear(&[]), "1: NOERROR");
    assert!(bench.is_idle());
    bench.udp("a.b A", 2);
    assert_eq!(bench.hear(&[NXDOMAIN]), "2: NXDOMAIN");
    assert!(bench.is_idle());
}

#[test]
fn without_name_servers_nothing_is_known() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.udp("a.b A", 1), "1: SERVFAIL");
    assert!(bench.is_idle());
}

#[test]
fn lies_are_passed_over_and_late_answers_are_too_late() {
    let mut bench = Bench::new(&["1.0.0.1", "1.0.0.2"]);
    bench.udp("a.b A", 1);
    let first = bench.last;
    assert_eq!(bench.hear(&[(0, 0x66)]), "", "another number");
    assert_eq!(bench.hear(&[(13, b'x')]), "", "another name");
    assert_eq!(bench.at(1999), "");
    assert_eq!(bench.at(2000), "ask 1.0.0.2");
    assert_ne!(bench.packets[&first][..2], bench.packets[&bench.last][..2], "each try has its own number");
    assert_eq!(bench.hear_of(first, &[]), "", "the first server, too late");
    assert_eq!(bench.hear(&[]), "1: NOERROR");
    assert_eq!(bench.hear(&[]), "", "twice");
    assert!(bench.is_idle());
}

#[test]
fn silence_ends_after_five_seconds() {
    let mut bench = Bench::new(&["1.0.0.1", "1.0.0.2", "1.0.0.3"]);
    bench.udp("a.b A", 1);
    assert_eq!(bench.at(2000), "ask 1.0.0.2");
    assert_eq!(bench.at(4000), "ask 1.0.0.3");
    assert_eq!(bench.forwarder.deadline(), Some(bench.start + PATIENCE));
    assert_eq!(bench.at(5000), "1: SERVFAIL");
    assert!(bench.is_idle());
}

#[test]
fn one_server_is_asked_again_if_it_says_nothing_but_not_if_it_says_no() {
    let mut bench = Bench::new(&["1.0.0.1"]);
    bench.udp("a.b A", 1);
    assert_eq!(bench.at(2000), "ask 1.0.0.1");
    assert_eq!(bench.at(4000), "1: SERVFAIL");
    bench.udp("a.b A", 2);
    assert_eq!(bench.hear(&[(3, 5)]), "2: REFUSED");
    bench.udp("a.b A", 3);
    assert_eq!(bench.fail(), "ask 1.0.0.1");
    assert_eq!(bench.fail(), "3: SERVFAIL");
    assert!(bench.is_idle());
}

#[test]
fn a_server_that_will_not_or_cannot_is_followed_by_the_next() {
    let mut bench = Bench::new(&["1.0.0.1", "1.0.0.2"]);
    bench.udp("a.b A", 1);
    assert_eq!(bench.hear(&[SERVFAIL]), "ask 1.0.0.2");
    assert_eq!(bench.hear(&[]), "1: NOERROR");
    bench.udp("a.b A", 2);
    assert_eq!(bench.hear(&[(3, 5)]), "ask 1.0.0.2");
    assert_eq!(bench.hear(&[SERVFAIL]), "2: SERVFAIL");
    bench.udp("a.b A", 3);
    assert_eq!(bench.fail(), "ask 1.0.0.2");
    assert_eq!(bench.hear(&[(3, 1), (5, 0)]), "ask 1.0.0.1", "a complaint without the question");
    assert_eq!(bench.hear(&[]), "3: NOERROR");
    bench.udp("a.b A", 4);
    assert_eq!(bench.hear(&[(3, 5)]), "ask 1.0.0.2");
    assert_eq!(bench.fail(), "ask 1.0.0.1", "as nobody else says anything");
    assert_eq!(bench.hear(&[(3, 5)]), "4: REFUSED");
    assert!(bench.is_idle());
}

#[test]
fn a_cut_answer_is_fetched_by_tcp_for_clients_that_asked_so() {
    let mut bench = Bench::new(&["1.0.0.1", "1.0.0.2"]);
    bench.udp("a.b A", 1);
    assert_eq!(bench.hear(&[TRUNCATED]), "1: NOERROR, TC");
    assert_eq!(bench.tcp("a.b A", 2), "ask 1.0.0.1");
    assert_eq!(bench.hear(&[TRUNCATED]), "ask 1.0.0.1 by TCP");
    assert_eq!(bench.hear(&[]), "2: NOERROR");
    bench.tcp("a.b A", 3);
    bench.hear(&[TRUNCATED]);
    assert_eq!(bench.hear(&[(0, 0x66)]), "ask 1.0.0.2", "nonsense on a connection");
    bench.hear(&[TRUNCATED]);
    assert_eq!(bench.fail(), "ask 1.0.0.1");
    assert_eq!(bench.hear(&[]), "3: NOERROR");
    bench.upstreams.is_stream_only = true;
    assert_eq!(bench.udp("a.b A", 4), "ask 1.0.0.1 by TCP");
    assert_eq!(bench.hear(&[]), "4: NOERROR");
    assert!(bench.is_idle());
}

#[test]
fn one_question_of_many_is_asked_once() {
    let mut bench = Bench::new(&["1.0.0.1"]);
    assert_eq!(bench.udp("a.b A", 1), "ask 1.0.0.1");
    assert_eq!(bench.ask("a.b A", "b", (Transport::Udp, 2)), "");
    for other in ["A.b A", "a.b AAAA", "a.b A do", "a.b A udp=4096", "c.b A"] {
        assert_eq!(bench.udp(other, 3), "ask 1.0.0.1", "{other}");
    }
    assert_eq!(bench.udp("a.b A udp=1400", 4), "", "as long as it asks for, it gets");
    assert_eq!(bench.tcp("a.b A", 5), "ask 1.0.0.1");
    assert_eq!(bench.hear_of(1, &[]), "1: NOERROR; 2: NOERROR");
    assert_eq!(bench.udp("a.b A", 6), "ask 1.0.0.1");
}

#[test]
fn servers_take_turns_if_they_shall() {
    let mut bench = Bench::new(&["1.0.0.1", "1.0.0.2"]);
    bench.upstreams.is_rotating = true;
    assert_eq!(bench.udp("a A", 1), "ask 1.0.0.1");
    assert_eq!(bench.udp("b A", 2), "ask 1.0.0.2");
    assert_eq!(bench.fail(), "ask 1.0.0.1");
    assert_eq!(bench.udp("c A", 3), "ask 1.0.0.1");
}

proptest! {
    #[test]
    fn every_question_is_answered_once_and_nothing_is_left(
        events in prop::collection::vec((0_u8..6, 0_u64..8, 0_u64..3000, any::<u8>()), 1..80),
        servers in 0_usize..4,
    ) {
        let addresses = ["1.0.0.1", "1.0.0.2", "1.0.0.3"];
        let mut bench = Bench::new(&addresses[..servers.min(3)]);
        let (mut asked, mut told, mut clock) = (0, String::new(), 0);
        for (event, number, milliseconds, byte) in events {
            told += ";";
            told += &match event {
                0 | 1 => {
                    asked += 1;
                    let transport = if event == 0 { Transport::Udp } else { Transport::Tcp };
                    bench.ask(&format!("n{number} A"), &format!("{}", byte % 3), (transport, asked))
                }
                2 if bench.packets.contains_key(&number) => bench.hear_of(number, &[]),
                3 if bench.last > 0 => bench.hear(&[(usize::from(byte) % 16, byte)]),
                4 => bench.fail(),
                _ => {
                    clock += milliseconds;
                    bench.at(clock)
                }
            };
        }
        for _ in 0..4 {
            clock += 5000;
            told += ";";
            told += &bench.at(clock);
        }
        let mut answers: Vec<u32> = told.split(';').filter_map(|word| word.trim().split(':').next()?.parse().ok()).collect();
        answers.sort_unstable();
        prop_assert_eq!(answers, (1..=asked).collect::<Vec<_>>());
        prop_assert!(bench.is_idle());
    }
}
