//! The files others read about a container: `state.json` in its runtime directory while it lives, `exit.json` beside its data
//! when it has ended. Both are replaced whole, so nobody sees half of one.

use bunker_runtime::Failure;
use bunker_sys::process::{self, Ended};
use bunker_sys::{SysError, file};
use serde::{Deserialize, Serialize};

use super::log::format_time;
use super::protocol::EXIT_UNKNOWN;
use crate::network::protocol::Container;

const VERSION: u32 = 1;
/// One block; a record is a few hundred bytes.
const RECORD_SIZE: usize = 4096;

/// Who the container's PID 1 is, for whoever comes after the keeper.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    pub version: u32,
    pub pid: i32,
    /// Clock ticks after boot (proc_pid_stat(5), field 22).
    pub start_time: u64,
    pub boot_id: String,
    pub started_at: Option<String>,
    pub generation: u32,
    pub phase: Phase,
    pub keeper_pid: i32,
    /// The container has no user namespace of its own but lives in U.
    pub shares_user_namespace: bool,
    /// The program that serves its network, to be ended with it.
    pub helper: Option<Helper>,
    /// The program that shows its root, which ends with it.
    pub root_helper: Option<Helper>,
    /// Its own group, to be removed with it.
    pub cgroup: Option<String>,
    /// When it is to be killed, in seconds of the wall clock.
    pub deadline: Option<i64>,
    /// Where it is on networks of the user's own, as it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Container>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    Created,
    Running,
}

/// A process by number and start time.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Helper {
    pub pid: i32,
    pub start_time: u64,
}

impl State {
    /// Of a process that has just been made.
    pub fn new(pid: i32, generation: u32) -> Self {
        Self {
            version: VERSION,
            pid,
            start_time: process::start_time(pid).unwrap_or(0),
            boot_id: process::boot_id(),
            started_at: None,
            generation,
            phase: Phase::Created,
            keeper_pid: process::own_pid(),
            shares_user_namespace: false,
            helper: None,
            root_helper: None,
            cgroup: None,
            deadline: None,
            network: None,
        }
    }

    /// Writes `state.json` into the runtime directory.
    pub fn write(&self, runtime_dir: &str) -> Result<(), Failure> {
        Ok(write_json(&format!("{runtime_dir}/state.json"), self)?)
    }

    /// Whether the process it names still is that process.
    pub fn is_alive(&self) -> bool {
        self.boot_id == process::boot_id() && process::start_time(self.pid) == Some(self.start_time)
    }
}

/// How a start of the container ended.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitRecord {
    version: u32,
    generation: u32,
    code: i32,
    signal: Option<i32>,
    oom_killed: bool,
    started_at: Option<String>,
    finished_at: String,
    error: Option<String>,
}

impl ExitRecord {
    /// Of a container that ran; `end` is `None` where nobody saw it.
    pub fn of(state: &State, end: Option<Ended>) -> Self {
        let error =
            end.is_none().then(|| "the container ended while nobody was watching; its exit code is unknown".to_owned());
        Self {
            version: VERSION,
            generation: state.generation,
            code: end.map_or(EXIT_UNKNOWN, Ended::exit_code),
            signal: end.and_then(Ended::signal),
            oom_killed: false,
            started_at: state.started_at.clone(),
            finished_at: now(),
            error,
        }
    }

    /// Of a start that never reached the container's process.
    pub fn failed(generation: u32, code: i32, error: &Failure) -> Self {
        Self {
            version: VERSION,
            generation,
            code,
            signal: None,
            oom_killed: false,
            started_at: None,
            finished_at: now(),
            error: Some(error.message.clone()),
        }
    }

    /// Takes the room for a record, so that a disk that is full by then does not cost the exit code.
    pub fn reserve(container_dir: &str) -> Result<(), Failure> {
        Ok(file::reserve(&format!("{container_dir}/exit.json"), RECORD_SIZE)?)
    }

    /// Writes `exit.json` into the container's directory.
    pub fn write(&self, container_dir: &str) -> Result<(), Failure> {
        Ok(write_json(&format!("{container_dir}/exit.json"), self)?)
    }
}

fn write_json(place: &str, value: &impl Serialize) -> Result<(), SysError> {
    let text =
        serde_json::to_vec(value).map_err(|error| SysError::from_io(format!("write({place:?})"), &error.into()))?;
    file::replace(place, &text)
}

/// RFC 3339 with nanoseconds.
pub fn now() -> String {
    let (seconds, nanoseconds) = process::wall_clock();
    format_time(seconds, nanoseconds)
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar as RFC 3339 uses it (400-year cycles that
/// begin on 1 March, so that the odd day is the last one).
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    const DAYS_BEFORE_1970: i64 = 719_468;
    const CYCLE: i64 = 146_097;
    let shifted = days + DAYS_BEFORE_1970;
    let (cycle, day) = (shifted.div_euclid(CYCLE), shifted.rem_euclid(CYCLE));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + carry, month, day_of_month)
}
