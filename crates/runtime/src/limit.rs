//! Resource limits by name (getrlimit(2)), for the process that is about to become the container's.

use bunker_sys::credential;

use crate::failure::{Failure, FailureCode};
use crate::spec::Rlimit;

/// Names without `RLIMIT_` at their numbers, which are the same on x86-64 and arm64.
const NAMES: [&str; 16] = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
];
const EPERM: i32 = 1;

/// Sets each limit; -1 is unlimited.
///
/// # Errors
/// `BadRequest` for an unknown name, or a limit above the user's own hard one, which nobody but root may raise.
pub fn apply(limits: &[Rlimit]) -> Result<(), Failure> {
    for limit in limits {
        let number = NAMES.iter().position(|name| *name == limit.name);
        let Some(number) = number.and_then(|number| i32::try_from(number).ok()) else {
            return Err(Failure::new(FailureCode::BadRequest, format!("unknown limit \"{}\"", limit.name)));
        };
        let (soft, hard) = (value_of(limit.soft), value_of(limit.hard));
        credential::set_limit(number, soft, hard).map_err(|error| {
            let name = limit.name.to_lowercase();
            if error.errno != EPERM {
                return Failure::system(FailureCode::BadRequest, &format!("setting ulimit \"{name}\""), &error);
            }
            let own = credential::limit(number).map_or_else(|_| "unknown".to_owned(), |(_, hard)| shown(hard));
            Failure::new(
                FailureCode::BadRequest,
                format!("ulimit \"{name}\" of {} is above your own hard limit, {own}", shown(hard)),
            )
        })?;
    }
    Ok(())
}

fn value_of(limit: i64) -> u64 {
    u64::try_from(limit).unwrap_or(u64::MAX)
}

fn shown(limit: u64) -> String {
    if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() }
}
