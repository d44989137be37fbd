//! Network mode: keeps the user's network namespace N for as long as containers are on a network in it.
//!
//! Started by the first keeper whose container needs it (`container/bridge.rs`), in U. `protocol` is what keepers may ask, `plan` the
//! words that is told on in; `ground` what N is made of, `world` N with everything in it, `leavings` what stays for a moment;
//! `names` the resolver, `sides` how it asks others; `ports` the ways in; `service` the loop that joins them, `confine` what is given
//! up first. What is to be is each keeper's to know: when this process is killed, the keepers start another, give it N, which they
//! hold too, and ask again.

mod confine;
mod ground;
mod leavings;
mod names;
mod plan;
mod ports;
pub mod protocol;
mod service;
mod sides;
mod world;

use std::ffi::OsString;

use bunker_runtime::spec::WayOut;
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::{SysError, file, process};

/// Our end of the channel to the keeper that started us.
const CHANNEL_FD: i32 = 3;
/// N, if it is there already.
const NAMESPACE_FD: i32 = 4;

/// Runs until no container has been on a network for a while. `words`: the runtime directory of the data home, and as JSON the ways out
/// that may be taken.
pub fn main(mut words: impl Iterator<Item = OsString>) {
    let channel = file::inherited(CHANNEL_FD);
    let directory = words.next().and_then(|word| word.into_string().ok());
    let ways_out = words.next().and_then(|word| serde_json::from_slice::<Vec<WayOut>>(word.as_encoded_bytes()).ok());
    match (channel, directory, ways_out) {
        (Ok(channel), Some(directory), Some(ways_out)) => {
            let kept = file::inherited(NAMESPACE_FD).ok();
            service::Service::new(channel, kept, (&directory, &ways_out)).run();
        }
        // There is nobody to tell.
        _ => process::exit(1),
    }
}

/// Whether the relay can be the way out here.
///
/// # Errors
/// `Network`: why not.
pub fn probe_relay() -> Result<(), Failure> {
    ground::Ground::lay(bunker_network::namespace::make()?, &[WayOut::Relay]).map(drop)
}

fn failed(what: &str, error: &SysError) -> Failure {
    Failure::system(FailureCode::Network, what, error)
}
