//! One more process in a sandbox that lives: into its namespaces by pidfd, then the same last steps as the first one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::process::{self, Cloned};
use bunker_sys::{file, namespace, path, socket};

use super::identity;
use super::inside::{self, Outfit, become_process, open_terminal, open_workdir};
use super::launch::{Handed, Sandbox, adjust_oom_score};
use super::provision::Provision;
use super::report::{Report, Word};
use crate::failure::{Failure, FailureCode};
use crate::seccomp::{self, SockFilter};
use crate::spec::{Process, SandboxSpec};
use crate::userns;

/// The running container.
pub struct JoinTarget<'a> {
    pub spec: &'a SandboxSpec,
    /// Its PID 1.
    pub pidfd: BorrowedFd<'a>,
    pub cgroup: Option<BorrowedFd<'a>>,
    /// What to join of it.
    pub namespaces: i32,
}

/// The namespaces in which a process is not where we are.
///
/// # Errors
/// `NotRunning` when it cannot be looked at.
pub fn differing_namespaces(pid: i32) -> Result<i32, Failure> {
    const ALL: [(&str, i32); 8] = [
        ("user", namespace::USER),
        ("mnt", namespace::MOUNT),
        ("pid", namespace::PID),
        ("ipc", namespace::IPC),
        ("uts", namespace::UTS),
        ("net", namespace::NETWORK),
        ("cgroup", namespace::CGROUP),
        ("time", namespace::TIME),
    ];
    let own = process::own_pid();
    let identity = |pid, name| namespace::identity(namespace::open(pid, name)?.as_fd());
    let mut flags = 0;
    for (name, flag) in ALL {
        // Kernels without time namespaces have no such file.
        let Ok(ours) = identity(own, name) else { continue };
        let theirs = identity(pid, name).map_err(|error| {
            Failure::system(FailureCode::NotRunning, "looking at the container's namespaces", &error)
        })?;
        if ours != theirs {
            flags |= flag;
        }
    }
    Ok(flags)
}

/// Starts `process` in the container and waits until it has been executed. Must run in U, with one thread.
///
/// # Errors
/// `NotRunning`, `UserNotFound`, `CommandNotFound`, `CommandNotExecutable`; nothing is left then.
pub fn join(target: &JoinTarget<'_>, wanted: &Process, handed: &Handed) -> Result<Sandbox, Failure> {
    inside::kept::ensure_valid(&wanted.kept_fds, handed)?;
    let filter = seccomp::compile(&wanted.seccomp, &wanted.capabilities.bounding)?;
    let (ours, theirs) = socket::packet_pair()?;
    // Two clones: a process that joins a pid namespace does not live in it, only its children do.
    let pid = match process::clone_process(0, target.cgroup, false)? {
        Cloned::Child => {
            drop(ours);
            let failure = enter(target, &Joining { wanted, handed, filter }, &theirs);
            let _ = Report::Failed(failure).send(&theirs, None);
            process::exit(1)
        }
        Cloned::Parent { pid, .. } => pid,
    };
    drop(theirs);
    let outcome = collect(&ours, Provision::of(target.spec).as_ref());
    process::wait_child(pid, true)?;
    let (number, terminal) = match outcome {
        Ok(found) => found,
        Err((failure, number)) => {
            if let Some(number) = number {
                // It may have been stopped by somebody inside. Not reaped yet, so the number is still its own.
                process::kill_number(number, SIGKILL)?;
                process::wait_child(number, true)?;
            }
            return Err(failure);
        }
    };
    let mut member = Sandbox::from_parts(number, process::open_pidfd(number)?, ours);
    member.terminal = terminal;
    member.start()?;
    Ok(member)
}

/// The go-between's word and the process's own, whichever comes first: its number, and its terminal's master.
/// A process that failed may have a number too: then it is to be reaped.
fn collect(sync: &OwnedFd, provision: Option<&Provision>) -> Result<(i32, Option<OwnedFd>), (Failure, Option<i32>)> {
    let (mut number, mut terminal, mut failure) = (None, None, None);
    loop {
        match Report::receive_in_time(sync) {
            Ok(Some((Report::Started(pid), _))) => number = Some(pid),
            Ok(Some((Report::Ready, mut master))) => terminal = Some(master.pop()),
            Ok(Some((Report::Failed(reason), _))) => failure = Some(reason),
            Ok(Some((report, fds))) => {
                let answered = provision.map_or(Ok(false), |provision| provision.answer(&report, &fds));
                match answered.and_then(|known| if known { Word::Done.send(sync) } else { Err(ended()) }) {
                    Ok(()) => {}
                    Err(reason) => return Err((reason, number)),
                }
            }
            Ok(None) => return Err((failure.unwrap_or_else(ended), number)),
            Err(reason) => return Err((reason, number)),
        }
        if let (Some(number), Some(_)) = (number, &terminal) {
            return Ok((number, terminal.take().flatten()));
        }
    }
}

/// setns(2) of a process that is not there any more.
const ESRCH: i32 = 3;
/// clone(2) in a pid namespace whose first process has ended (pid_namespaces(7)).
const ENOMEM: i32 = 12;

fn ended() -> Failure {
    Failure::new(FailureCode::NotRunning, "the container ended while it was joined")
}

struct Joining<'a> {
    wanted: &'a Process,
    handed: &'a Handed,
    filter: Vec<SockFilter>,
}

/// The go-between: joins everything, makes the process as its own sibling, says its number.
fn enter(target: &JoinTarget<'_>, joining: &Joining<'_>, sync: &OwnedFd) -> Failure {
    // What it makes has the same.
    if let Err(failure) = adjust_oom_score("self", joining.wanted) {
        return failure;
    }
    let entered = (|| {
        // Before anything of the container can see this process (CVE-2016-9962).
        process::set_dumpable(false)?;
        namespace::join(target.pidfd, target.namespaces)
    })();
    if let Err(error) = entered {
        return if error.errno == ESRCH {
            ended()
        } else {
            Failure::system(FailureCode::NotRunning, "entering the container", &error)
        };
    }
    match process::clone_process(0, None, true) {
        Err(error) if error.errno == ENOMEM => ended(),
        Err(error) => error.into(),
        Ok(Cloned::Parent { pid, .. }) => {
            // The keeper's child, by its number where the keeper lives: the go-between still is in that pid namespace.
            let _ = Report::Started(pid).send(sync, None);
            process::exit(0)
        }
        Ok(Cloned::Child) => {
            let failure = match outfit(target, joining, sync) {
                Ok(outfit) => become_process(&outfit, sync),
                Err(failure) => failure,
            };
            let _ = Report::Failed(failure).send(sync, None);
            process::exit(NOT_STARTED)
        }
    }
}

/// Nobody sees it: the report says why.
const NOT_STARTED: i32 = 125;
const SIGKILL: i32 = 9;

fn outfit<'a>(target: &JoinTarget<'_>, joining: &'a Joining<'_>, sync: &OwnedFd) -> Result<Outfit<'a>, Failure> {
    let maps = &target.spec.user_namespace;
    if maps.has_other_root() {
        userns::become_root()?;
        // Which made it one that may be looked into again.
        process::set_dumpable(false)?;
    }
    process::set_parent_death_signal(SIGKILL)?;
    // setns into the mount namespace made its root this process's own.
    let root = file::open("/", path::O_PATH | path::O_DIRECTORY)?;
    let wanted = joining.wanted;
    let identity = inside::identify(root.as_fd(), &wanted.user, &wanted.group_add)?;
    identity::ensure_mapped(&identity, &maps.container_uid_map, &maps.container_gid_map)?;
    if maps.hides_caller() {
        inside::ask_for_own(sync, &identity, joining.handed, &[])?;
    }
    let workdir = open_workdir(root.as_fd(), &wanted.cwd, false)?;
    let terminal = wanted.terminal.then(|| {
        let resolve = path::RESOLVE_NO_SYMLINKS;
        let terminals = path::open_at2(root.as_fd(), b"dev/pts", path::O_PATH | path::O_DIRECTORY, resolve)?;
        open_terminal(terminals.as_fd(), identity.uid, (wanted.rows, wanted.columns))
    });
    let (master, peer) = match terminal.transpose()? {
        Some(opened) => (Some(opened.master), Some(opened.peer)),
        None => (None, None),
    };
    Report::Ready.send(sync, master.as_ref())?;
    Word::Go.wait(sync)?;
    Ok(Outfit {
        process: wanted,
        identity,
        workdir,
        terminal: peer,
        handed: joining.handed,
        filter: &joining.filter,
        init_program: None,
        can_change_groups: !maps.is_single() || maps.container_gid_map.is_empty(),
        is_called: false,
    })
}
