//! Real root's way in: into a user namespace of root's subordinate ids, whose root is the first of them, and there the engine anew. From
//! then on nothing of it is root of the host.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;

use bunker_runtime::spec::{IdMapping, UserNamespace};
use bunker_runtime::{Failure, FailureCode, userns};
use bunker_sys::{credential, file, process};

/// The words after `worker root`: where the ranges begin and how long they are, the descriptor of the program, its arguments.
const FIXED: usize = 5;
const NOT_STARTED: i32 = 125;

/// Never returns: it becomes the program, or says why not.
pub fn enter(words: impl Iterator<Item = std::ffi::OsString>) -> ! {
    let words: Vec<Vec<u8>> = words.map(OsStringExt::into_vec).collect();
    let error = try_enter(&words);
    let text = format!("bunker: entering root's subordinate ids: {}\n", error.message);
    let _ = file::inherited(2).map(|out| file::write_all(out.as_fd(), text.as_bytes()));
    process::exit(NOT_STARTED)
}

fn try_enter(words: &[Vec<u8>]) -> Failure {
    match prepare(words) {
        Err(failure) => failure,
        Ok((program, arguments)) => {
            let environment: Vec<CString> = std::env::vars_os()
                .filter_map(|(key, value)| CString::new([key.into_vec(), value.into_vec()].join(&b'=')).ok())
                .collect();
            process::execute_fd(program.as_fd(), &arguments, &environment).into()
        }
    }
}

fn prepare(words: &[Vec<u8>]) -> Result<(std::os::fd::OwnedFd, Vec<CString>), Failure> {
    let bad = || Failure::new(FailureCode::BadRequest, "worker: wrong words");
    let (fixed, rest) = words.split_at_checked(FIXED).ok_or_else(bad)?;
    let numbers: Vec<u32> = fixed.iter().filter_map(|word| std::str::from_utf8(word).ok()?.parse().ok()).collect();
    let [first_uid, uids, first_gid, gids, program] = numbers[..] else { return Err(bad()) };
    let program = file::inherited(i32::try_from(program).map_err(|_| bad())?)?;
    let arguments = rest.iter().map(|word| CString::new(word.as_slice()).map_err(|_| bad()));
    let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
    let line = |outside, size| vec![IdMapping { inside: 0, outside, size }];
    userns::make(&UserNamespace {
        user_uid_map: line(first_uid, uids),
        user_gid_map: line(first_gid, gids),
        newuidmap: None,
        newgidmap: None,
        container_uid_map: Vec::new(),
        container_gid_map: Vec::new(),
    })?;
    credential::set_groups(&[])?;
    credential::set_group(0)?;
    credential::set_user(0)?;
    Ok((program, arguments))
}
