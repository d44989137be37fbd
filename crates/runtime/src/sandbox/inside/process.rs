//! The last steps before exec, in the one order that works: streams, limits, groups, ids, filter, capabilities, program.
//! The same for a container's first process and for every exec into it.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use bunker_sys::credential::CapabilitySet;
use bunker_sys::{SysError, SysResult, credential, file, path, process, terminal};

use super::super::gate;
use super::super::identity::Identity;
use super::super::launch::Handed;
use super::super::report::Report;
use super::command::execute_command;
use super::kept::{self, Moved};
use crate::capability;
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::limit;
use crate::seccomp::SockFilter;
use crate::spec::{CapabilitySets, Process};

const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;
const EPERM: i32 = 1;
const EINVAL: i32 = 22;
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
    /// Whoever wants it started came to its gate, and hears what becomes of it in a frame.
    pub(in crate::sandbox) is_called: bool,
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
        Err(failure) => give_up(outfit, &failure, sync),
    };
    let (sync, program) = match &moved {
        Some(moved) => (&moved.sync, moved.program.as_ref()),
        None => (sync, outfit.init_program),
    };
    let failure = match prepare(outfit) {
        Ok(environment) => execute(outfit, &environment, (program, sync)),
        Err(failure) => failure,
    };
    give_up(outfit, &failure, sync)
}

fn give_up(outfit: &Outfit<'_>, failure: &Failure, sync: &OwnedFd) -> ! {
    if outfit.is_called {
        gate::refuse(sync, failure);
    } else {
        let _ = Report::Failed(failure.clone()).send(sync, None);
    }
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
    let kept = if let Some(sets) = &wanted.capabilities.sets {
        Kept::of_sets(sets)?
    } else if identity.uid == 0 {
        Kept { permitted: bounding, effective: bounding, inheritable: 0, ambient: 0 }
    } else {
        Kept { permitted: non_root, effective: non_root, inheritable: non_root, ambient: non_root }
    };
    // With fs.suid_dumpable=1 a change of ids would have made it dumpable again; after the exec the kernel decides anew.
    process::set_dumpable(false)?;
    lock_down(outfit, &kept)?;
    process::set_parent_death_signal(0)?;
    environment(outfit)
}

/// What the process has right before the exec.
struct Kept {
    permitted: CapabilitySet,
    effective: CapabilitySet,
    inheritable: CapabilitySet,
    ambient: CapabilitySet,
}

impl Kept {
    fn of_sets(sets: &CapabilitySets) -> Result<Self, Failure> {
        Ok(Self {
            permitted: capability::set_of(&sets.permitted)?,
            effective: capability::set_of(&sets.effective)?,
            inheritable: capability::set_of(&sets.inheritable)?,
            ambient: capability::set_of(&sets.ambient)?,
        })
    }

    fn apply(&self) -> SysResult<()> {
        credential::set_capabilities(self.effective, self.permitted, self.inheritable)?;
        credential::set_ambient(self.ambient)
    }
}

/// The filter goes in while this process still may install one, right before the last capabilities go (seccomp(2)).
fn lock_down(outfit: &Outfit<'_>, kept: &Kept) -> Result<(), Failure> {
    let install = || -> SysResult<()> {
        if outfit.filter.is_empty() {
            return Ok(());
        }
        let program: Vec<_> = outfit.filter.iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect();
        credential::install_filter(&program)
    };
    if outfit.process.no_new_privileges {
        kept.apply()?;
        credential::set_no_new_privileges()?;
        return Ok(install()?);
    }
    // The change of user id emptied the effective set; installing needs CAP_SYS_ADMIN in it.
    let all = capability::known();
    credential::set_capabilities(all, all, 0)?;
    install()?;
    Ok(kept.apply()?)
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
            match path::change_owner(stream.as_fd(), (outfit.identity.uid, outfit.identity.gid)) {
                // Of somebody whom the container's map does not know: whoever called for a bundle handed on what he has.
                Err(error) if matches!(error.errno, EPERM | EINVAL) => {}
                other => other?,
            }
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
