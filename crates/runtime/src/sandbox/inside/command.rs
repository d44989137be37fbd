//! The command: found as docker finds it, along the container's own `PATH`, and executed; or looked at, before that.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use bunker_sys::{SysError, SysResult, path, process};

use crate::failure::{Failure, FailureCode};
use crate::spec::Process;

const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;
const EACCES: i32 = 13;

/// exec with docker's search: a name with a slash as it is, else along `PATH`. Returns why nothing could be executed.
pub(super) fn execute_command(words: &[CString], environment: &[CString]) -> Failure {
    let name = &words[0];
    let shown = String::from_utf8_lossy(name.as_bytes()).into_owned();
    if name.as_bytes().contains(&b'/') {
        let error = process::execute(name, words, environment);
        return explain(&shown, &error, "no such file or directory");
    }
    let search = environment.iter().find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="));
    let mut denied = None;
    for directory in search.unwrap_or_default().split(|byte| *byte == b':').filter(|directory| !directory.is_empty()) {
        let Ok(candidate) = CString::new([directory, b"/", name.as_bytes()].concat()) else { continue };
        if std::path::Path::new(OsStr::from_bytes(candidate.as_bytes())).is_dir() {
            continue;
        }
        let error = process::execute(&candidate, words, environment);
        match error.errno {
            ENOENT | ENOTDIR => {}
            EACCES => denied = Some(error),
            _ => return explain(&shown, &error, ""),
        }
    }
    match denied {
        Some(error) => explain(&shown, &error, ""),
        None => {
            Failure::new(FailureCode::CommandNotFound, format!("exec: \"{shown}\": executable file not found in $PATH"))
        }
    }
}

fn explain(name: &str, error: &SysError, missing: &str) -> Failure {
    if matches!(error.errno, ENOENT | ENOTDIR) {
        return Failure::new(FailureCode::CommandNotFound, format!("exec: \"{name}\": {missing}"));
    }
    const ENOEXEC: i32 = 8;
    const E2BIG: i32 = 7;
    const EISDIR: i32 = 21;
    let reason = match error.errno {
        EACCES => "permission denied",
        ENOEXEC => "exec format error",
        E2BIG => "argument list too long",
        EISDIR => "is a directory",
        _ => return Failure::system(FailureCode::CommandNotExecutable, &format!("exec: \"{name}\""), error),
    };
    Failure::new(FailureCode::CommandNotExecutable, format!("exec: \"{name}\": {reason}"))
}

/// Whether there is something to execute, as runc tells it when a container is created: it may still be gone when it is started. In
/// the container, from its working directory on.
pub(super) fn ensure_command(wanted: &Process, workdir: BorrowedFd<'_>) -> Result<(), Failure> {
    const ANY_EXECUTE: u32 = 0o111;
    let look = |place: &str| -> SysResult<()> {
        let status = path::status(path::open_at(workdir, place.as_bytes(), path::O_PATH, 0)?.as_fd())?;
        if status.is_regular() && status.permissions() & ANY_EXECUTE != 0 {
            return Ok(());
        }
        Err(SysError::new(format!("access({place:?})"), EACCES))
    };
    let name = &wanted.args[0];
    if name.contains('/') {
        return look(name).map_err(|error| explain(name, &error, "no such file or directory"));
    }
    let search = wanted.env.iter().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or_default();
    let mut denied = None;
    for directory in search.split(':').filter(|directory| !directory.is_empty()) {
        match look(&format!("{directory}/{name}")) {
            Ok(()) => return Ok(()),
            Err(error) if error.errno == EACCES => denied = Some(error),
            Err(_) => {}
        }
    }
    Err(match denied {
        Some(error) => explain(name, &error, ""),
        None => {
            Failure::new(FailureCode::CommandNotFound, format!("exec: \"{name}\": executable file not found in $PATH"))
        }
    })
}
