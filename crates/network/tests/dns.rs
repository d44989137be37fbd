//! The resolver with real sockets on the loopback device, where every address of 127/8 is somebody: containers, name servers
//! that tell the truth, and others that lie, drop, cut, or come late. `dig` reads some of the answers, too.

#[path = "../src/dns/packet_text.rs"]
#[allow(dead_code)]
mod packet_text;

#[path = "dns/bench.rs"]
mod bench;

#[path = "dns/name_server.rs"]
mod name_server;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::time::Duration;

use bench::{Bench, ask, ask_by_tcp, connect, frame};
use packet_text::{answer, question};

const WEB: &str = "127.1.0.2";
const DB: &str = "127.1.0.3";
const SEALED: &str = "127.2.0.2";

#[test]
fn containers_find_each_other_at_whichever_address_they_ask() {
    let bench = Bench::start();
    for asked in ["127.0.0.1", "127.1.0.1"] {
        let at = bench.at(asked);
        assert_eq!(ask(WEB, at, "db A"), format!("NOERROR, A {DB}"));
        assert_eq!(ask_by_tcp(WEB, at, "db.net A"), format!("NOERROR, A {DB}"));
    }
    assert_eq!(ask("127.9.0.9", bench.at("127.0.0.1"), "db A"), "REFUSED", "no container");
}

#[test]
fn others_are_asked_about_the_rest_of_the_world() {
    let bench = Bench::start();
    let at = bench.at("127.0.0.1");
    assert_eq!(ask(WEB, at, "truth.example A"), "NOERROR, A 192.0.2.1");
    assert_eq!(ask(WEB, at, "Truth.Example A do"), "NOERROR, A 192.0.2.1");
    assert_eq!(ask_by_tcp(WEB, at, "truth.example A"), "NOERROR, A 192.0.2.1");
    assert_eq!(ask(WEB, at, "nowhere.example A"), "NXDOMAIN");
    assert_eq!(ask(WEB, at, "liar.example A"), "NOERROR, A 192.0.2.1", "the lies came first");
    assert_eq!(ask(WEB, at, "long.example A"), "NOERROR, TC");
    assert!(ask_by_tcp(WEB, at, "long.example A").starts_with("NOERROR, A 192.0.2.0, A 192.0.2.1, "));
}

#[test]
fn a_server_that_is_silent_or_late_is_followed_by_the_next() {
    let bench = Bench::start();
    let at = bench.at("127.0.0.1");
    assert_eq!(ask(WEB, at, "silent.example A"), "NOERROR, A 192.0.2.2", "the second server");
    assert_eq!(ask(WEB, at, "late.example A"), "NOERROR, A 192.0.2.2");
    assert_eq!(ask(WEB, at, "unwilling.example A"), "NOERROR, A 192.0.2.2");
    assert_eq!(bench.asked("late.example"), 2, "both were asked, and once each");
}

#[test]
fn a_server_that_does_not_exist_costs_no_time() {
    let bench = Bench::with_servers("nameserver 127.3.0.77\nnameserver 127.3.0.1\n");
    assert_eq!(ask(WEB, bench.at("127.0.0.1"), "truth.example A"), "NOERROR, A 192.0.2.1");
    let bench = Bench::with_servers("# none\n");
    assert_eq!(ask(WEB, bench.at("127.0.0.1"), "truth.example A"), "SERVFAIL");
}

#[test]
fn another_resolv_conf_is_noticed() {
    let bench = Bench::with_servers("nameserver 127.3.0.2\n");
    let at = bench.at("127.0.0.1");
    assert_eq!(ask(WEB, at, "truth.example A"), "NOERROR, A 192.0.2.2");
    bench.set_servers("nameserver 127.3.0.1\n");
    let mut told = String::new();
    for _ in 0..50 {
        told = ask(WEB, at, "truth.example A");
        if told == "NOERROR, A 192.0.2.1" {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("still {told}");
}

#[test]
fn no_question_leaves_a_network_without_a_way_out() {
    let bench = Bench::start();
    let at = bench.at("127.0.0.1");
    for words in ["truth.example A", "secret-in-a-name.example TXT", "2.0.1.127.in-addr.arpa PTR", ". NS", "x ANY"] {
        assert_eq!(ask(SEALED, at, words), "NXDOMAIN", "{words}");
        assert_eq!(ask_by_tcp(SEALED, at, words), "NXDOMAIN", "{words}");
    }
    assert_eq!(bench.asked(""), 0);
}

#[test]
fn a_connection_takes_many_questions_and_may_say_that_these_are_all() {
    let bench = Bench::start();
    let mut stream = connect(WEB, bench.at("127.0.0.1"));
    let questions = ["truth.example A", "db A", "nowhere.example A"].map(|words| frame(&question(words))).concat();
    let (first, rest) = questions.split_at(5);
    stream.write_all(first).expect("sends");
    std::thread::sleep(Duration::from_millis(50));
    stream.write_all(rest).expect("sends");
    stream.shutdown(Shutdown::Write).expect("shuts down");
    // Not only when it has been idle for long enough.
    stream.set_read_timeout(Some(Duration::from_secs(8))).expect("a timeout");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("answers, and an end");
    let mut answers = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((length, more)) = rest.split_first_chunk() {
        let (packet, more) = more.split_at(usize::from(u16::from_be_bytes(*length)));
        answers.push(answer(packet));
        rest = more;
    }
    answers.sort();
    assert_eq!(answers, ["NOERROR, A 127.1.0.3", "NOERROR, A 192.0.2.1", "NXDOMAIN"]);
}

/// CVE-2024-8418 and CVE-2026-35406: clients by TCP that keep a resolver from answering others, or keep it busy for ever.
#[test]
fn idle_cut_and_broken_connections_disturb_nobody_and_cost_nothing() {
    let bench = Bench::start();
    let at = bench.at("127.0.0.1");
    let idle: Vec<TcpStream> = (0..200).map(|_| connect(DB, at)).collect();
    let cut: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = connect(DB, at);
            let _ = stream.write_all(&frame(&question("web A"))[..9]);
            stream
        })
        .collect();
    for _ in 0..20 {
        // Closed with an answer unread, which breaks it off; the second question was cut.
        let mut stream = connect(DB, at);
        let _ = stream.write_all(&[&frame(&question("web A"))[..], &[0, 50, 1]].concat());
        let _ = stream.peek(&mut [0]);
    }
    // Said that this was all, and then broke off while an answer was still waited for.
    let mut ended = connect(WEB, at);
    ended.write_all(&[frame(&question("db A")), frame(&question("silent.example A"))].concat()).expect("sends");
    ended.shutdown(Shutdown::Write).expect("shuts down");
    let _ = ended.peek(&mut [0]);
    let before = bench.events();
    drop(ended);
    std::thread::sleep(Duration::from_millis(300));
    assert!(bench.events() - before < 50, "{} events for what has broken off", bench.events() - before);
    for stream in &cut[..10] {
        let _ = stream.shutdown(Shutdown::Write);
    }
    assert_eq!(ask(WEB, at, "db A"), format!("NOERROR, A {DB}"));
    assert_eq!(ask_by_tcp(WEB, at, "db A"), format!("NOERROR, A {DB}"));
    std::thread::sleep(Duration::from_millis(200));
    let before = bench.events();
    std::thread::sleep(Duration::from_millis(500));
    assert!(bench.events() - before < 20, "{} events while nothing happened", bench.events() - before);
    assert!(bench.watched() < 50, "{} descriptors", bench.watched());
    drop((idle, cut));
}

#[test]
fn what_is_no_question_ends_a_connection_or_is_passed_over() {
    let bench = Bench::start();
    let at = bench.at("127.0.0.1");
    for bytes in [&[0xff, 0xff, 0][..], &[0x10, 0x01], &[0, 0, 0, 0]] {
        let mut stream = connect(WEB, at);
        stream.write_all(bytes).expect("sends");
        stream.shutdown(Shutdown::Write).expect("shuts down");
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{bytes:?}");
    }
    let socket = std::net::UdpSocket::bind((WEB, 0)).expect("binds");
    for length in [0, 1, 11, 4096, 4097, 60_000] {
        socket.send_to(&vec![0x80; length], at).expect("sends");
    }
    assert_eq!(ask(WEB, at, "db A"), format!("NOERROR, A {DB}"));
}

#[test]
fn dig_understands_the_answers() {
    let bench = Bench::start();
    let port = bench.at("127.0.0.1").port().to_string();
    let dig = |words: &[&str]| {
        let output =
            Command::new("dig").args(["@127.0.0.1", "-b", WEB, "-p", &port, "+tries=1"]).args(words).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    if dig(&["-v"]).is_none() {
        return;
    }
    let short = |words: &[&str]| dig(&[words, &["+short"]].concat()).expect("dig").trim().to_owned();
    assert_eq!(short(&["db", "A"]), DB);
    assert_eq!(short(&["+tcp", "DB.net", "A"]), DB);
    assert_eq!(short(&["-x", DB]), "db.net.");
    assert_eq!(short(&["truth.example", "A", "+dnssec"]), "192.0.2.1");
    assert_eq!(short(&["long.example", "A"]).lines().count(), 60, "cut, and then asked by TCP");
    let long = dig(&["db", "MX", "+bufsize=4096"]).expect("dig");
    assert!(long.contains("status: NOERROR") && long.contains("EDNS: version: 0, flags:; udp: 1232"), "{long}");
    assert!(!long.contains("WARNING"), "{long}");
    assert!(dig(&["db", "A", "+edns=1", "+noednsnegotiation"]).expect("dig").contains("status: BADVERS"));
    assert!(dig(&["CH", "TXT", "version.bind"]).expect("dig").contains("status: REFUSED"));
    assert!(dig(&["+opcode=UPDATE", "db"]).expect("dig").contains("status: NOTIMP"));
}
