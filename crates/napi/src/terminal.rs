//! The user's terminal.

use std::os::fd::IntoRawFd;
use std::sync::Mutex;

use bunker_sys::client::terminal::{self, SavedTerminal};
use bunker_sys::{SysError, SysResult, client::duplicate};
use napi_derive::napi;

use crate::channel::THREAD_STACK;
use crate::failure::{Outcome, outcome};

/// Terminals in raw mode; the index is the handle. `None`: already put back.
static SAVED: Mutex<Vec<Option<SavedTerminal>>> = Mutex::new(Vec::new());

#[napi(object, object_from_js = false)]
pub struct WindowSize {
    pub rows: u32,
    pub columns: u32,
}

#[napi]
pub fn is_terminal(fd: i32) -> bool {
    terminal::is_terminal(fd)
}

#[napi]
pub fn window_size(fd: i32) -> Outcome<WindowSize> {
    outcome(
        "asking for the terminal's size",
        terminal::window_size(fd).map(|(rows, columns)| WindowSize { rows: rows.into(), columns: columns.into() }),
    )
}

/// Returns a handle for `leave_raw_mode`.
#[napi]
pub fn enter_raw_mode(fd: i32) -> Outcome<u32> {
    let entered = terminal::enter_raw(fd).map(|saved| {
        let mut slots = SAVED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        slots.push(Some(saved));
        u32::try_from(slots.len() - 1).unwrap_or(u32::MAX)
    });
    outcome("setting the terminal to raw mode", entered)
}

/// Puts the terminal back; a second time does nothing.
#[napi]
pub fn leave_raw_mode(handle: u32) -> Outcome<()> {
    let saved =
        SAVED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_mut(handle as usize).and_then(Option::take);
    outcome("putting the terminal back", saved.as_ref().map_or(Ok(()), terminal::restore))
}

/// The reading end of a pipe into which a thread copies the terminal's input.
#[napi]
pub fn pump_terminal(fd: i32) -> Outcome<i32> {
    outcome("reading the terminal", start_pump(fd))
}

fn start_pump(fd: i32) -> SysResult<i32> {
    let source = duplicate(fd)?;
    let (reader, writer) = terminal::pipe()?;
    // The pump's end, whatever its reason, is the end of the input.
    let run = move || drop(terminal::pump(&source, &writer));
    std::thread::Builder::new()
        .stack_size(THREAD_STACK)
        .spawn(run)
        .map_err(|error| SysError::from_io("pthread_create(pump)", &error))?;
    Ok(reader.into_raw_fd())
}
