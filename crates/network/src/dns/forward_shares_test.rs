//! Nobody keeps others from their answers.

use super::*;

#[test]
fn nobody_keeps_others_from_their_answers() {
    let mut bench = Bench::new(&["1.0.0.1"]);
    for number in 0..MOST_OF_ONE {
        assert_eq!(bench.udp(&format!("n{number} A"), 1), "ask 1.0.0.1");
    }
    assert_eq!(bench.udp("more A", 2), "1: SERVFAIL; ask 1.0.0.1", "its own oldest gives way");
    assert_eq!(bench.udp("more A", 2), "1: SERVFAIL", "asking the same again is one, too");
    assert_eq!(bench.forwarder.flights.len(), MOST_OF_ONE - 1);
    for number in 0..MOST_OF_ONE {
        assert_eq!(bench.ask(&format!("m{number} A"), "b", (Transport::Udp, 3)), "ask 1.0.0.1");
    }
    assert_eq!(bench.forwarder.flights.len(), MOST_FLIGHTS - 1);
    assert_eq!(bench.ask("x A", "c", (Transport::Udp, 4)), "ask 1.0.0.1");
    let told = bench.ask("y A", "c", (Transport::Udp, 4));
    assert!(matches!(told.as_str(), "1: SERVFAIL; ask 1.0.0.1" | "3: SERVFAIL; ask 1.0.0.1"), "{told}");
    assert_eq!(bench.forwarder.flights.len(), MOST_FLIGHTS);
    bench.at(60_000);
    bench.at(120_000);
    assert!(bench.is_idle());
}

#[test]
fn who_asks_what_others_ask_loses_its_own_questions_alone() {
    let mut bench = Bench::new(&["1.0.0.1"]);
    for number in 0..MOST_FLIGHTS {
        bench.ask(&format!("n{number} A"), &format!("c{}", number / 5), (Transport::Udp, 1));
    }
    for number in 0..MOST_OF_ONE {
        assert_eq!(bench.ask(&format!("n{number} A"), "greedy", (Transport::Udp, 2)), "", "somebody else was first");
    }
    let told = bench.ask("x A", "newcomer", (Transport::Udp, 3));
    let greedy = told.matches("2: SERVFAIL").count();
    // Of the greedy one's questions none is its alone: giving them up makes no room until it has no more than others.
    assert!(greedy >= MOST_OF_ONE - 5 && told.matches("1: SERVFAIL").count() == 1, "{told}");
    assert!(told.ends_with("ask 1.0.0.1") && !told.contains('3'), "{told}");
}

#[test]
fn among_many_the_one_with_the_most_gives_way_and_it_alone() {
    let mut bench = Bench::new(&["1.0.0.1"]);
    for number in 0..MOST_FLIGHTS {
        bench.ask(
            &format!("n{number} A"),
            &format!("c{number}"),
            (Transport::Udp, u32::try_from(number).expect("small")),
        );
    }
    assert_eq!(bench.ask("x A", "c7", (Transport::Udp, 600)), "7: SERVFAIL; ask 1.0.0.1", "who has one already");
    let told = bench.ask("x A", "another", (Transport::Udp, 601));
    assert_eq!(told, "", "which is asked already takes no room");
    let told = bench.ask("y A", "a third", (Transport::Udp, 602));
    assert!(told.ends_with(": SERVFAIL; ask 1.0.0.1"), "{told}");
}
