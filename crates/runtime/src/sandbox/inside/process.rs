//! The last steps before exec, in the one order that works: streams, limits, groups, ids, filter, capabilities, program.
//! The same for a container's first process and for every exec into it.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use bunker_sys::{SysError, SysResult, credential, file, path, process, terminal};

use super::super::identity::Identity;
use super::super::launch::Handed;
use super::super::report::Report;
use super::kept::{self, Moved};
use crate::capability;
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::limit;
use crate::seccomp::SockFilter;
use crate::spec::Process;

const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;
const EACCES: i32 = 13;
/// Standard input, output, error; everything from here on is closed.
pub(super) const FIRST_OTHER_FD: i32 = 3;

/// Nobody sees it: the report says why.
const NOT_STARTED: i32 = 125;

/// Everything the process is to have, decided and opened.
pub(in crate::sandbox) struct Outfit<'a> {
    pub(in crate::sandbox) process: &'a Process,
    pub(in crate::sandbox) identity: Identity,
    pub(in crate::sandbox) workdir: OwnedFd,
    pub(in crate::sandbox) terminal: Option<OwnedFd>,
    pub(in crate::sandbox) handed: &'a Handed,
    pub(in crate::sandbox) filter: &'a [SockFilter],
    /// Our own program, to stay as PID 1 and reap.
    pub(in crate::sandbox) init_program: Option<&'a OwnedFd>,
    /// False in single-id mode, where the kernel forbids it.
    pub(in crate::sandbox) can_change_groups: bool,
}

/// Opens the working directory inside the root, made (root's, 0755) where missing, as docker does.
pub(in crate::sandbox) fn open_workdir(root: BorrowedFd<'_>, place: &str, make: bool) -> Result<OwnedFd, Failure> {
    let found = if make {
        inroot::make_directories(root, place.as_bytes(), 0o755)
    } else {
        inroot::open(root, place.as_bytes(), path::O_PATH | path::O_DIRECTORY)
    };
    found.map_err(|error| {
        let code = match error.errno {
            // One that cannot be made is no fault of the command's.
            _ if make => FailureCode::BadPath,
            ENOENT | ENOTDIR => FailureCode::CommandNotFound,
            _ => FailureCode::CommandNotExecutable,
        };
        Failure::system(code, &format!("changing to the working directory \"{place}\""), &error)
    })
}

/// Becomes the container's process, or reports why not and ends.
pub(in crate::sandbox) fn become_process(outfit: &Outfit<'_>, sync: &OwnedFd) -> ! {
    let moved = match connect(outfit, sync) {
        Ok(moved) => moved,
        Err(failure) => give_up(failure, sync),
    };
    let (sync, program) = match &moved {
        Some(moved) => (&moved.sync, moved.program.as_ref()),
        None => (sync, outfit.init_program),
    };
    let failure = match prepare(outfit) {
        Ok(environment) => execute(outfit, &environment, (program, sync)),
        Err(failure) => failure,
    };
    give_up(failure, sync)
}

fn give_up(failure: Failure, sync: &OwnedFd) -> ! {
    let _ = Report::Failed(failure).send(sync, None);
    process::exit(NOT_STARTED)
}

/// Where it works and what it has open. `Some`: what of ours had to make room for that.
fn connect(outfit: &Outfit<'_>, sync: &OwnedFd) -> Result<Option<Moved>, Failure> {
    enter_workdir(outfit)?;
    connect_streams(outfit)?;
    give_streams(outfit)?;
    kept::place(&outfit.process.kept_fds, outfit.handed, (sync, outfit.init_program))
}

fn prepare(outfit: &Outfit<'_>) -> Result<Vec<CString>, Failure> {
    let Outfit { process: wanted, identity, .. } = outfit;
    process::reset_signals();
    limit::apply(&wanted.rlimits)?;
    credential::set_umask(wanted.umask);
    if let Some(personality) = wanted.personality {
        process::set_personality(personality)?;
    }
    if outfit.can_change_groups && !wanted.keep_groups {
        credential::set_groups(&identity.groups)?;
    }
    let bounding = capability::set_of(&wanted.capabilities.bounding)?;
    let non_root = capability::set_of(&wanted.capabilities.non_root)?;
    credential::limit_bounding_set(bounding)?;
    credential::keep_capabilities(true)?;
    credential::set_group(identity.gid)?;
    credential::set_user(identity.uid)?;
    credential::keep_capabilities(false)?;
    let kept = if identity.uid == 0 { (bounding, 0) } else { (non_root, non_root) };
    // With fs.suid_dumpable=1 a change of ids would have made it dumpable again; after the exec the kernel decides anew.
    process::set_dumpable(false)?;
    lock_down(outfit, kept)?;
    process::set_parent_death_signal(0)?;
    environment(outfit)
}

/// The filter goes in while this process still may install one, right before the last capabilities go (seccomp(2)).
fn lock_down(outfit: &Outfit<'_>, (permitted, inheritable): (u64, u64)) -> Result<(), Failure> {
    let install = || -> SysResult<()> {
        if outfit.filter.is_empty() {
            return Ok(());
        }
        let program: Vec<_> = outfit.filter.iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect();
        credential::install_filter(&program)
    };
    if outfit.process.no_new_privileges {
        credential::set_capabilities(permitted, permitted, inheritable)?;
        credential::set_ambient(inheritable)?;
        credential::set_no_new_privileges()?;
        return Ok(install()?);
    }
    // The change of user id emptied the effective set; installing needs CAP_SYS_ADMIN in it.
    let all = capability::known();
    credential::set_capabilities(all, all, 0)?;
    install()?;
    credential::set_capabilities(permitted, permitted, inheritable)?;
    Ok(credential::set_ambient(inheritable)?)
}

/// Goes there by descriptor and looks whether it really is inside (CVE-2024-21626).
fn enter_workdir(outfit: &Outfit<'_>) -> Result<(), Failure> {
    let place = &outfit.process.cwd;
    let refused = |error: &SysError| {
        Failure::system(
            FailureCode::CommandNotExecutable,
            &format!("changing to the working directory \"{place}\""),
            error,
        )
    };
    file::change_directory(outfit.workdir.as_fd()).map_err(|error| refused(&error))?;
    if file::current_directory().map_err(|error| refused(&error))?.starts_with(b"/") {
        return Ok(());
    }
    Err(Failure::new(
        FailureCode::CommandNotExecutable,
        format!("the working directory \"{place}\" is outside the container"),
    ))
}

fn connect_streams(outfit: &Outfit<'_>) -> Result<(), Failure> {
    process::new_session()?;
    if let Some(peer) = &outfit.terminal {
        terminal::make_controlling(peer.as_fd())?;
        for number in 0..FIRST_OTHER_FD {
            file::place(peer.as_fd(), number)?;
        }
    } else if let Some(streams) = &outfit.handed.streams {
        for (number, stream) in (0..).zip([&streams.stdin, &streams.stdout, &streams.stderr]) {
            file::place(stream.as_fd(), number)?;
        }
    }
    Ok(file::close_from_at_exec(FIRST_OTHER_FD)?)
}

/// Pipes and FIFOs become the user's, who may then open /dev/stdout anew.
fn give_streams(outfit: &Outfit<'_>) -> Result<(), Failure> {
    let Some(streams) = &outfit.handed.streams else { return Ok(()) };
    for stream in [&streams.stdin, &streams.stdout, &streams.stderr] {
        let found = path::status(stream.as_fd())?;
        // Where they are out of the root's reach, the keeper has done it.
        let is_own = (found.uid, found.gid) == (outfit.identity.uid, outfit.identity.gid);
        if found.kind() == path::S_IFIFO && !is_own {
            path::change_owner(stream.as_fd(), (outfit.identity.uid, outfit.identity.gid))?;
        }
    }
    Ok(())
}

/// The environment as given, `HOME` added from passwd where it is missing or empty.
fn environment(outfit: &Outfit<'_>) -> Result<Vec<CString>, Failure> {
    let mut variables: Vec<Vec<u8>> = Vec::with_capacity(outfit.process.env.len() + 1);
    let mut has_home = false;
    for entry in &outfit.process.env {
        if entry == "HOME=" {
            continue;
        }
        has_home |= entry.starts_with("HOME=");
        variables.push(entry.clone().into_bytes());
    }
    if !has_home {
        variables.push([b"HOME=", outfit.identity.home.as_slice()].concat());
    }
    variables.into_iter().map(|entry| CString::new(entry).map_err(|_| has_nul("environment"))).collect()
}

fn has_nul(what: &str) -> Failure {
    Failure::new(FailureCode::BadRequest, format!("a NUL in the {what}"))
}

fn execute(outfit: &Outfit<'_>, environment: &[CString], (program, sync): (Option<&OwnedFd>, &OwnedFd)) -> Failure {
    let words =
        match outfit.process.args.iter().map(|word| CString::new(word.as_bytes())).collect::<Result<Vec<_>, _>>() {
            Ok(words) => words,
            Err(_) => return has_nul("command"),
        };
    if let Some(program) = program {
        return execute_init(program, &words, environment, sync);
    }
    execute_command(&words, environment)
}

/// PID 1 becomes a clean image of our own program that starts the command and reaps; its second word is the socket it reports on.
fn execute_init(program: &OwnedFd, words: &[CString], environment: &[CString], sync: &OwnedFd) -> Failure {
    let number = sync.as_raw_fd();
    let Ok(report) = CString::new(number.to_string()) else { return has_nul("number") };
    let mut arguments = vec![c"bunker-init".to_owned(), c"init".to_owned(), report];
    arguments.extend_from_slice(words);
    match file::place(sync.as_fd(), number) {
        Ok(()) => process::execute_fd(program.as_fd(), &arguments, environment).into(),
        Err(error) => error.into(),
    }
}

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
