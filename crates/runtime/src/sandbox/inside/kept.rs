//! Descriptors of the caller's that the process is to have under their own numbers (`--preserve-fds`), and nothing else of ours under
//! those.

use std::os::fd::{AsFd, OwnedFd};

use bunker_sys::file;

use super::super::launch::Handed;
use super::process::FIRST_OTHER_FD;
use crate::failure::{Failure, FailureCode};

/// As many as fit into an ordinary process's limit; a sandbox has few of its own.
const LAST_NUMBER: i32 = 1023;

/// What is still needed after they have taken their places.
pub(super) struct Moved {
    pub(super) sync: OwnedFd,
    pub(super) program: Option<OwnedFd>,
}

/// The numbers must be those of as many descriptors, each its own and none of the standard streams'.
///
/// # Errors
/// `BadRequest`.
pub(in crate::sandbox) fn ensure_valid(numbers: &[i32], handed: &Handed) -> Result<(), Failure> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let in_range = sorted.iter().all(|number| (FIRST_OTHER_FD..=LAST_NUMBER).contains(number));
    if in_range && sorted.len() == numbers.len() && numbers.len() == handed.kept.len() {
        return Ok(());
    }
    Err(Failure::new(FailureCode::BadRequest, "the descriptors to keep and their numbers do not match"))
}

/// Gives them their numbers, to be kept across exec. What of ours has one of those is moved out of the way first; `None`: there are
/// none, and nothing was moved.
pub(super) fn place(
    numbers: &[i32],
    handed: &Handed,
    (sync, program): (&OwnedFd, Option<&OwnedFd>),
) -> Result<Option<Moved>, Failure> {
    let Some(last) = numbers.iter().max() else { return Ok(None) };
    let above = |fd: &OwnedFd| file::duplicate_above(fd.as_fd(), last + 1);
    let moved = Moved { sync: above(sync)?, program: program.map(above).transpose()? };
    let sources = handed.kept.iter().map(above).collect::<Result<Vec<_>, _>>()?;
    for (number, source) in numbers.iter().zip(&sources) {
        file::place(source.as_fd(), *number)?;
    }
    Ok(Some(moved))
}
