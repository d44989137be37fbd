//! The keeper: the one program of ours that enters namespaces. Started by the command from a sealed memfd, told everything over
//! descriptor 3, reads no configuration. Its mode is its first argument.

mod container;
mod worker;

use std::ffi::OsString;

fn main() {
    // A session of its own: neither Ctrl-C nor a hang-up in the command's terminal is meant for the container. Already a leader
    // (as PID 1): nothing to do.
    let _ = bunker_sys::process::new_session();
    // Whatever the command was started with: modes are as they are written here, and a log that may not grow is no reason to die.
    bunker_sys::credential::set_umask(UMASK);
    bunker_sys::process::ignore_signal(SIGXFSZ);
    let mut arguments = std::env::args_os().skip(1);
    let mode = arguments.next();
    match mode.as_deref().and_then(|mode| mode.to_str()) {
        Some("container") => container::main(),
        Some("worker") => worker::main(),
        Some("init") => bunker_runtime::sandbox::init(arguments.collect::<Vec<OsString>>()),
        _ => bunker_sys::process::exit(USAGE),
    }
}

const UMASK: u32 = 0o022;
const SIGXFSZ: i32 = 25;
/// Started by hand, or by another version: nobody is there to read words.
const USAGE: i32 = 64;
