//! Channels to keepers: JSON text and descriptors in frames. The text is made and read in TypeScript.

use std::collections::HashSet;
use std::os::fd::{IntoRawFd, RawFd};
use std::sync::Mutex;

use bunker_sys::SysResult;
use bunker_sys::client::channel::{self, Frame};
use bunker_sys::client::{close_number, duplicate, terminal::block_all_signals};
use napi::{Env, bindgen_prelude::Object};
use napi_derive::napi;

use crate::failure::{Outcome, outcome};

/// Helper threads do one system call after another.
pub const THREAD_STACK: usize = 128 * 1024;

/// Channels on which a thread waits: closing such a number must wake that thread.
static WAITING: Mutex<Option<HashSet<RawFd>>> = Mutex::new(None);

/// One frame: its JSON text and the descriptors that came with it.
#[napi(object, object_from_js = false)]
pub struct Received {
    pub text: String,
    pub fds: Vec<i32>,
}

impl From<Frame> for Received {
    fn from(frame: Frame) -> Self {
        Self { text: frame.text, fds: frame.fds.into_iter().map(IntoRawFd::into_raw_fd).collect() }
    }
}

#[napi]
pub fn send_message(channel: i32, text: String, fds: Vec<i32>) -> Outcome<()> {
    outcome("sending a message to the keeper", channel::send(channel, &text, &fds))
}

#[napi]
pub fn receive_message_sync(channel: i32) -> Outcome<Option<Received>> {
    received(channel::receive(channel))
}

fn received(result: SysResult<Option<Frame>>) -> Outcome<Option<Received>> {
    outcome("waiting for a message of the keeper", result.map(|frame| frame.map(Received::from)))
}

/// Waits on a thread of its own: Bun's pool has as many threads as processors, two waiting calls would stall all its I/O.
#[napi(ts_return_type = "Promise<Received | null | Refusal>")]
pub fn receive_message(env: Env, channel: i32) -> napi::Result<Object<'static>> {
    on_thread(env, move || {
        let own = duplicate(channel);
        if own.is_ok() {
            waiting(|set| set.insert(channel));
        }
        move || {
            let result = own.and_then(|own| channel::receive(std::os::fd::AsRawFd::as_raw_fd(&own)));
            waiting(|set| set.remove(&channel));
            received(result)
        }
    })
}

/// Runs `prepare` now and the work it returns on a thread of its own; the promise never rejects for a failed system call.
pub fn on_thread<T, Work>(env: Env, prepare: impl FnOnce() -> Work) -> napi::Result<Object<'static>>
where
    T: napi::bindgen_prelude::ToNapiValue + Send + 'static,
    Work: FnOnce() -> T + Send + 'static,
{
    let (deferred, promise) = env.create_deferred::<T, Box<dyn FnOnce(Env) -> napi::Result<T> + Send>>()?;
    let work = prepare();
    let run = move || {
        block_all_signals();
        let value = work();
        deferred.resolve(Box::new(move |_| Ok(value)));
    };
    std::thread::Builder::new()
        .stack_size(THREAD_STACK)
        .spawn(run)
        .map_err(|error| napi::Error::from_reason(error.to_string()))?;
    Ok(Object::from_raw(env.raw(), napi::JsValue::raw(&promise)))
}

fn waiting(change: impl FnOnce(&mut HashSet<RawFd>) -> bool) -> bool {
    let mut guard = WAITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    change(guard.get_or_insert_default())
}

#[napi]
pub fn close_fd(fd: i32) -> Outcome<()> {
    if waiting(|set| set.contains(&fd)) {
        channel::shut_down(fd);
    }
    outcome("closing a descriptor", close_number(fd))
}

/// A connected pair of channels in this process.
#[napi]
pub fn channel_pair() -> Outcome<Vec<i32>> {
    outcome("making a channel", channel::pair().map(|(one, other)| vec![one.into_raw_fd(), other.into_raw_fd()]))
}

/// `null` when nobody listens on `directory`/ctl.
#[napi]
pub fn connect_control(directory: String) -> Outcome<Option<i32>> {
    outcome(
        "connecting to the keeper",
        channel::connect_control(&directory).map(|socket| socket.map(IntoRawFd::into_raw_fd)),
    )
}
