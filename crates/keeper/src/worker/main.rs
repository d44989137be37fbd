//! The worker: one job that needs the user's id range, then the end. One request on descriptor 3, one answer. A program of its
//! own, so that decompressors and the like are not in the memory of every keeper.
//!
//! Nothing of the job's content is looked at before the process is in U and locked in (`bunker_runtime::lockin`); paths in
//! the request are the engine's own. If the client goes away the worker stops where it is: what is half done lies in
//! staging and is swept by others. Only removing goes on: nobody waits for that.
//!
//! In another mode it makes the containers of OCI bundles (`bundle`), and goes: those have no keeper.

mod bundle;
mod copy;
mod job;
mod request;
mod root;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use bunker_runtime::{Failure, FailureCode};
use bunker_sys::client::channel;
use bunker_sys::poll::{self, Watch};
use bunker_sys::{credential, file, process};
use serde_json::{Value, json};

/// Our end of the channel to the command that started us.
const CHANNEL_FD: i32 = 3;
/// The client is gone: nobody reads this.
const CANCELLED: i32 = 1;
const UMASK: u32 = 0o022;
const SIGXFSZ: i32 = 25;

/// Does the job and answers.
fn main() {
    let mut words = std::env::args_os().skip(1);
    let mode = words.next();
    if mode.as_ref().is_some_and(|mode| mode == "root") {
        root::enter(words);
    }
    // Neither Ctrl-C nor a hang-up in the command's terminal is meant for it: it ends when the command does.
    let _ = process::new_session();
    // Whatever the command was started with: modes are as they are written here, and what may not grow is an error, no reason to die.
    credential::set_umask(UMASK);
    process::ignore_signal(SIGXFSZ);
    let Ok(channel) = file::inherited(CHANNEL_FD) else { process::exit(CANCELLED) };
    if mode.is_some_and(|mode| mode == "bundle") {
        bundle::serve(&channel);
        return;
    }
    let answer = match job::run(&channel) {
        Ok(result) => json!({ "ok": true, "result": result }),
        Err(failure) => json!({ "ok": false, "failure": failure }),
    };
    // A client that does not wait for it is fine.
    let _ = channel::send(channel.as_raw_fd(), &answer.to_string(), &[]);
}

/// The request and its descriptors.
fn receive(channel: &OwnedFd) -> Result<(Value, Vec<OwnedFd>), Failure> {
    let bad = |reason: &str| Failure::new(FailureCode::BadRequest, format!("worker: {reason}"));
    let frame = channel::receive(channel.as_raw_fd())?.ok_or_else(|| bad("no request"))?;
    let request = serde_json::from_str(&frame.text).map_err(|error| bad(&error.to_string()))?;
    Ok((request, frame.fds))
}

/// From now on the process ends when the client does. A thread of its own, so that no job has to look.
fn end_with(channel: &OwnedFd) -> Result<(), Failure> {
    let channel = file::duplicate(channel.as_fd())?;
    std::thread::spawn(move || {
        let mut watch = [Watch::new(channel.as_fd(), false, false)];
        while !watch[0].is_broken() {
            if poll::wait(&mut watch, -1).is_err() {
                return;
            }
        }
        process::exit(CANCELLED);
    });
    Ok(())
}
