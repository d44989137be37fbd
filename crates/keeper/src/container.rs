//! Container mode: makes one sandbox and stays with it as its monitor, for as long as it lives.
//!
//! One thread, one poll loop. `protocol` is what clients may ask, `client` one connection, `session` a process with its streams,
//! `stream` how bytes travel, `log` the log, `record` the files others read, `network` the helper program for the way out,
//! `monitor` joins them.

mod client;
mod detach_keys;
mod group;
mod log;
mod monitor;
mod network;
mod protocol;
mod record;
mod session;
mod stream;

use std::os::fd::OwnedFd;

use bunker_sys::{file, process};

/// Our end of the channel to the command that started us, and the container's lock.
const CHANNEL_FD: i32 = 3;
const LOCK_FD: i32 = 4;

/// Runs until the container has ended and everything is told and tidied.
pub fn main() {
    let inherited = file::inherited(CHANNEL_FD).and_then(|channel| Ok((channel, file::inherited(LOCK_FD)?)));
    let Ok((channel, lock)) = inherited else { process::exit(1) };
    run(channel, lock);
}

fn run(channel: OwnedFd, lock: OwnedFd) {
    // A failure here has been told to whoever asked; there is nobody else to tell.
    let _ =
        file::set_nonblocking(std::os::fd::AsFd::as_fd(&channel)).map(|()| monitor::Monitor::new(channel, lock).run());
}
