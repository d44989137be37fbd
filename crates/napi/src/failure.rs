//! Failures as values: how a failed system call looks to TypeScript.

use bunker_sys::SysError;
use napi::Either;
use napi_derive::napi;

/// EDQUOT and ENOSPC; the addon does not depend on libc itself.
const NO_SPACE: [i32; 2] = [28, 122];
/// EPIPE: the other side of a channel has gone.
const GONE: i32 = 32;

/// The same four fields as a failure that comes from the keeper.
#[napi(object, object_from_js = false)]
pub struct NativeFailure {
    pub code: String,
    pub message: String,
    pub call: Option<String>,
    pub errno: Option<i32>,
}

/// What a call returns instead of its value.
#[napi(object, object_from_js = false)]
pub struct Refusal {
    pub failure: NativeFailure,
}

/// A value, or why there is none.
pub type Outcome<T> = Either<T, Refusal>;

/// A failure of the host itself, not of this call's arguments.
pub fn host_refused(what: &str, error: &SysError) -> Refusal {
    refusal("host-refused", what, error)
}

/// An outcome from a system call's result; `what` is a lowercase fragment that names the object.
pub fn outcome<T>(what: &str, result: Result<T, SysError>) -> Outcome<T> {
    match result {
        Ok(value) => Either::A(value),
        Err(error) if NO_SPACE.contains(&error.errno) => {
            Either::B(refusal("no-space", &format!("{what}: no space left on device"), &error))
        }
        Err(error) => Either::B(refusal(if error.errno == GONE { "not-running" } else { "system" }, what, &error)),
    }
}

fn refusal(code: &str, what: &str, error: &SysError) -> Refusal {
    Refusal {
        failure: NativeFailure {
            code: code.to_owned(),
            message: format!("{what}: {error}"),
            call: Some(error.call.clone()),
            errno: Some(error.errno),
        },
    }
}

/// A failure that no system call is to blame for.
pub fn plain(code: &str, message: &str) -> Refusal {
    Refusal { failure: NativeFailure { code: code.to_owned(), message: message.to_owned(), call: None, errno: None } }
}
