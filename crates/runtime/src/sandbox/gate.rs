//! Where a bundle's process waits once its maker has gone: whoever wants it started connects, sends one frame, and reads why it
//! could not be, or the end that the exec brings. That somebody listens here is what tells a created container from a running one.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use bunker_sys::client::channel;
use bunker_sys::socket;
use serde_json::json;

use crate::failure::Failure;

/// Blocks until somebody gives the word: the connection to that one. Who connects and goes only looked.
pub(super) fn wait(gate: &OwnedFd) -> Result<OwnedFd, Failure> {
    loop {
        let caller = socket::await_caller(gate.as_fd())?;
        if let Ok(Some(_)) = channel::receive(caller.as_raw_fd()) {
            return Ok(caller);
        }
    }
}

/// Tells who gave the word what came of it.
pub(super) fn refuse(caller: &OwnedFd, failure: &Failure) {
    let answer = json!({ "ok": false, "failure": failure.abridged() });
    // One that does not wait for it is fine.
    let _ = channel::send(caller.as_raw_fd(), &answer.to_string(), &[]);
}
