//! `--init`: our own program as the container's PID 1, with the container's identity and nothing of ours in its memory.
//! Starts the command, passes signals on, reaps orphans, and ends as the command ended.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;

use bunker_sys::process::{self, Ended};
use bunker_sys::{SysError, file};

use super::super::report::Report;
use super::command::execute_command;
use super::process::FIRST_OTHER_FD;
use crate::failure::{Failure, FailureCode};

/// Every signal but those that mean a fault of this process itself, and the two nobody can block.
const FORWARDED: u64 = !(bit(4) | bit(5) | bit(7) | bit(8) | bit(11) | bit(9) | bit(19));
const SIGCHLD: i32 = 17;
const SIGTTIN: i32 = 21;
const SIGTTOU: i32 = 22;

const fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}

/// The whole life of PID 1: `arguments` are the number of the socket it reports on and the command's words. Never returns.
pub fn init(mut arguments: Vec<std::ffi::OsString>) -> ! {
    process::set_name(c"bunker-init");
    let number = arguments.first().and_then(|word| word.to_str()?.parse().ok());
    let Some(Ok(sync)) = number.map(file::inherited) else { process::exit(NOT_STARTED) };
    arguments.remove(0);
    match start(arguments, &sync) {
        Ok(command) => {
            // The command's copy closed by its exec: the keeper sees the end when both are gone.
            drop(sync);
            // Those that the command was to have are its own: their other ends are to see when it closes them.
            let _ = file::close_from(FIRST_OTHER_FD);
            process::exit(watch(command).map_or(NOT_STARTED, Ended::exit_code))
        }
        Err(failure) => {
            let _ = Report::Failed(failure).send(&sync, None);
            process::exit(NOT_STARTED)
        }
    }
}

/// Nobody sees it: the report says why.
const NOT_STARTED: i32 = 125;

fn start(arguments: Vec<std::ffi::OsString>, sync: &OwnedFd) -> Result<i32, Failure> {
    let words: Vec<CString> = arguments.into_iter().filter_map(|word| CString::new(word.into_vec()).ok()).collect();
    let environment: Vec<CString> = std::env::vars_os()
        .filter_map(|(name, value)| CString::new([name.into_vec(), b"=".to_vec(), value.into_vec()].concat()).ok())
        .collect();
    if words.is_empty() {
        return Err(Failure::new(FailureCode::BadRequest, "init: no command"));
    }
    process::set_signal_mask(FORWARDED);
    match process::fork()? {
        0 => {
            process::reset_signals();
            let _ = Report::Failed(run_command(&words, &environment)).send(sync, None);
            process::exit(NOT_STARTED)
        }
        pid => Ok(pid),
    }
}

/// In a process group of its own, in the foreground of the terminal if there is one.
fn run_command(words: &[CString], environment: &[CString]) -> Failure {
    if let Err(error) = process::lead_foreground_group(0) {
        return error.into();
    }
    execute_command(words, environment)
}

fn watch(command: i32) -> Result<Ended, SysError> {
    loop {
        let signal = process::wait_signal(FORWARDED)?;
        if signal == SIGCHLD {
            while let Some((pid, end)) = process::wait_any(false).unwrap_or(None) {
                if pid == command {
                    return Ok(end);
                }
            }
        } else if !matches!(signal, SIGTTIN | SIGTTOU) {
            // Gone meanwhile: its end is about to be told.
            let _ = process::kill_number(command, signal);
        }
    }
}
