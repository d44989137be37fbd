//! OFD locks: the locked descriptor is the lock; closing it (or dying) lets go.

use std::os::fd::IntoRawFd;

use bunker_sys::client::lock;
use napi::{Env, bindgen_prelude::Object};
use napi_derive::napi;

use crate::channel::on_thread;
use crate::failure::{Outcome, outcome};

/// `null` if somebody holds it.
#[napi]
pub fn acquire_lock(path: String) -> Outcome<Option<i32>> {
    outcome("locking", lock::acquire(&path).map(|held| held.map(IntoRawFd::into_raw_fd)))
}

#[napi(ts_return_type = "Promise<number | Refusal>")]
pub fn wait_lock(env: Env, path: String) -> napi::Result<Object<'static>> {
    on_thread::<Outcome<i32>, _>(env, || {
        move || outcome("waiting for a lock", lock::wait(&path).map(IntoRawFd::into_raw_fd))
    })
}

/// A share: any number may have one while nobody holds the lock whole.
#[napi]
pub fn share_lock(path: String) -> Outcome<i32> {
    outcome("locking", lock::share(&path).map(IntoRawFd::into_raw_fd))
}

#[napi]
pub fn is_locked(path: String) -> Outcome<bool> {
    outcome("asking for a lock", lock::is_locked(&path))
}
