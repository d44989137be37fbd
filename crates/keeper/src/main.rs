//! The keeper: the one program of ours that enters a container's namespaces. Started by the command from a sealed memfd, told
//! everything over descriptor 3, reads no configuration. Its mode is its first argument. Small, because each container that runs
//! holds one in memory: what only jobs need is the worker's (bin/worker.rs).

mod companion;
mod container;
mod network;
mod way_out;

use std::ffi::OsString;

/// What is made in a container's root must not depend on the caller's.
const UMASK: u32 = 0o022;
const SIGXFSZ: i32 = 25;

fn main() {
    // A session of its own: neither Ctrl-C nor a hang-up in the command's terminal is meant for the container. Already a leader
    // (as PID 1): nothing to do.
    let _ = bunker_sys::process::new_session();
    let mut arguments = std::env::args_os().skip(1);
    let mode = arguments.next();
    match mode.as_deref().and_then(|mode| mode.to_str()) {
        Some("container") => {
            stand_alone();
            container::main();
        }
        Some("network") => {
            stand_alone();
            network::main(arguments);
        }
        Some("init") => bunker_runtime::sandbox::init(arguments.collect::<Vec<OsString>>()),
        _ => bunker_sys::process::exit(USAGE),
    }
}

/// Of what the command handed down, nothing matters that a container could see or a host could miss: its umask, and its current
/// directory, which would be busy for as long as the container lives.
fn stand_alone() {
    bunker_sys::credential::set_umask(UMASK);
    // A log that may not grow (RLIMIT_FSIZE) is no reason to die.
    bunker_sys::process::ignore_signal(SIGXFSZ);
    // "/" is there; were it not, staying is harmless.
    let _ = std::env::set_current_dir("/");
}

/// Started by hand, or by another version: nobody is there to read words.
const USAGE: i32 = 64;
