//! Processes that others wrote down: by number and start time, so that no stranger is ever meant.

use bunker_sys::process;
use napi_derive::napi;

use crate::failure::{Outcome, outcome};

/// False when the process of this number is not (or no longer) the one that started at `start_time` (clock ticks after boot).
#[napi]
pub fn signal_process(pid: i32, start_time: i64, signal: i32) -> Outcome<bool> {
    outcome("sending a signal", process::signal_if_same(pid, start_time.unsigned_abs(), signal))
}
