//! The relay between throw-away network namespaces: what a container sees through it is what it would see without.
//! Its own main, because only a process with one thread can enter a user namespace.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "relay/crowds.rs"]
mod crowds;
#[path = "relay/datagrams.rs"]
mod datagrams;
#[path = "relay/manners.rs"]
mod manners;
#[path = "relay/published.rs"]
mod published;
#[path = "relay/tcp.rs"]
mod tcp;
#[path = "relay/world.rs"]
mod world;

use world::World;

type Case = (&'static str, fn(&World));

/// Speaks cargo's language, as far as those who count tests read it.
fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Err(reason) = world::enter_user_namespace() {
        assert!(std::env::var_os("BUNKER_TEST_MUST_RUN").is_none(), "no user namespace: {reason}");
        eprintln!("skipped: no user namespace: {reason}");
        return;
    }
    let world = World::new();
    let cases: Vec<Case> = [tcp::CASES, crowds::CASES, datagrams::CASES, manners::CASES, published::CASES].concat();
    let mut passed = 0;
    for (name, case) in &cases {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part)) {
            case(&world);
            println!("test {name} ... ok");
            passed += 1;
        }
    }
    assert!(world.relay.is_alive(), "the relay has ended");
    tcp::all_ends_with_the_relay(world);
    println!(
        "test result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; {} filtered out",
        cases.len() - passed
    );
}
