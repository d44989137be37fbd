//! Container mode: makes one sandbox and stays with it as its monitor, for as long as it lives.
//!
//! One thread, one poll loop. `protocol` is what clients may ask, `client` one connection, `session` a process with its streams,
//! `stream` how bytes travel, `log` the log, `record` the files others read, `bridge` the connection to the network keeper, `root` the
//! program that shows the root where the kernel does not, `monitor` joins them.

mod bridge;
mod client;
mod detach_keys;
mod group;
mod log;
mod monitor;
mod protocol;
mod record;
mod root;
mod session;
mod stream;

pub use record::Helper as HelperRecord;

use std::os::fd::AsFd;

use bunker_sys::{file, process};

/// Our end of the channel to the command that started us.
const CHANNEL_FD: i32 = 3;

/// Runs until the container has ended and everything is told and tidied.
pub fn main() {
    let channel =
        file::inherited(CHANNEL_FD).and_then(|channel| file::set_nonblocking(channel.as_fd()).map(|()| channel));
    match channel {
        Ok(channel) => monitor::Monitor::new(channel).run(),
        // There is nobody to tell.
        Err(_) => process::exit(1),
    }
}
