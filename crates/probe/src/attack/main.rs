//! For tests only, never shipped: what hostile code in a container would try. Each attack says what it came to as JSON; a good
//! engine makes them all come to nothing.
//!
//!     attack calls "NUMBER ARGUMENT…"…        system calls, each as in `calls`
//!     attack reach PROC PID…                  other processes, as PROC (a procfs, perhaps the host's) shows them
//!     attack peek STOP                        processes that come while the file STOP is not there: can they be looked into?
//!     attack overwrite STOP                   the same, opening their programs for writing
//!     attack swap STOP A B                    exchanges two names for as long
//!     attack halt STOP                        sends SIGSTOP to every process that comes
//!     attack sockets                          the abstract sockets in sight
//!     attack frames LINK                      sends frames, a line of hexadecimal digits each on standard input
//!     attack hear LINK                        the frames that come until standard input ends
//!     attack ask MILLISECONDS PLACE…          who can be reached, as in `places`
//!     attack questions ADDRESS:PORT MILLISECONDS   sends datagrams, given as frames are, and hears answers
//!     attack crowd PROTOCOL ADDRESS:PORT PORTS TIMES MILLISECONDS HEX   very many sockets, as in `crowd`

mod calls;
mod crowd;
mod frames;
mod hex;
mod peek;
mod places;
mod questions;
mod reach;
mod sockets;
mod swap;

#[path = "../attempt.rs"]
mod attempt;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["calls", calls @ ..] => calls::make(calls),
        ["reach", procfs, pids @ ..] => reach::try_all(procfs, pids),
        ["peek", stop] => peek::peek(Path::new(stop)),
        ["overwrite", stop] => peek::overwrite(Path::new(stop)),
        ["halt", stop] => peek::halt(Path::new(stop)),
        ["swap", stop, one, other] => swap::exchange(Path::new(stop), one, other),
        ["sockets"] => sockets::connect_all(),
        ["frames", link] => frames::send(link),
        ["hear", link] => frames::hear(link),
        ["ask", time, places @ ..] => places::ask(milliseconds(time), places),
        ["questions", target, time] => questions::send(target, milliseconds(time)),
        ["crowd", words @ ..] => crowd::gather(words),
        _ => Value::Null,
    };
    if outcome.is_null() {
        return ExitCode::from(2);
    }
    if say(&outcome) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn milliseconds(word: &str) -> u64 {
    word.parse().unwrap_or(0)
}

/// Whether it was heard.
fn say(outcome: &Value) -> bool {
    writeln!(io::stdout().lock(), "{outcome}").is_ok()
}
