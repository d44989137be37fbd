//! Network mode: keeps the user's network namespace N for as long as containers are on a network in it.
//!
//! Started by the first keeper whose container needs it (`container/bridge.rs`), in U. `protocol` is what keepers may ask, `world`
//! is N with everything in it, `names` its resolver, `ports` the ways in, `service` the loop that joins them, `confine` what it gives up first. What is to be is each keeper's to know: when this process is
//! killed, the keepers start another, give it N, which they hold too, and ask again.

mod confine;
mod names;
mod ports;
pub mod protocol;
mod service;
mod world;

use std::ffi::OsString;

use bunker_sys::{file, process};

/// Our end of the channel to the keeper that started us.
const CHANNEL_FD: i32 = 3;
/// N, if it is there already.
const NAMESPACE_FD: i32 = 4;

/// Runs until no container has been on a network for a while. `user_runtime_dir`: the runtime directory of the data home.
pub fn main(user_runtime_dir: Option<OsString>) {
    let channel = file::inherited(CHANNEL_FD);
    let directory = user_runtime_dir.and_then(|directory| directory.into_string().ok());
    match (channel, directory) {
        (Ok(channel), Some(directory)) => {
            service::Service::new(channel, file::inherited(NAMESPACE_FD).ok(), &directory).run();
        }
        // There is nobody to tell.
        _ => process::exit(1),
    }
}
