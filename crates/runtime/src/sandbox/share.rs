//! A sandbox in namespaces that another container has: joined by pidfd, so that a number used again leads nowhere, by a process in
//! between, since who joins a pid namespace does not live in it, only its children do. The other one's user namespace is joined as
//! well: from a sibling of it the kernel refuses /proc, /sys and message queues.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::process::{self, Cloned};
use bunker_sys::{SysError, SysResult, file, mount, namespace, path, socket};

use super::inside;
use super::launch::{Prepared, adjust_oom_score, first_namespaces};
use super::namespaces::OpenNamespaces;
use super::report::Report;
use crate::failure::{Failure, FailureCode};
use crate::spec::{Join, JoinKind, SandboxSpec};

const SIGKILL: i32 = 9;
/// TMPFS_MAGIC (statfs(2)).
const TMPFS: i64 = 0x0102_1994;
/// setns(2) of a process that is not there any more.
const ESRCH: i32 = 3;
/// clone(2) in a pid namespace whose first process has ended (pid_namespaces(7)).
const ENOMEM: i32 = 12;
/// Nobody sees it: the report says why.
const NOT_STARTED: i32 = 125;

/// The processes whose namespaces are joined.
pub(super) struct Peers {
    joins: Vec<(i32, OwnedFd)>,
    /// They have a user namespace of their own, the same for all.
    has_user_namespace: bool,
}

impl Peers {
    /// Takes hold of each process, and makes sure that it is the one that was meant.
    pub(super) fn open(spec: &SandboxSpec) -> Result<Self, Failure> {
        let joins = spec.joins.iter().map(|join| Ok((flag_of(join.kind), open_peer(join)?)));
        Ok(Self {
            joins: joins.collect::<Result<_, Failure>>()?,
            has_user_namespace: !spec.user_namespace.container_uid_map.is_empty(),
        })
    }

    fn find(&self, flag: i32) -> Option<BorrowedFd<'_>> {
        self.joins.iter().find(|(joined, _)| *joined == flag).map(|(_, pidfd)| pidfd.as_fd())
    }

    /// The user namespace last: from then on nothing of its parent's is in reach.
    fn enter(&self) -> SysResult<()> {
        for (flag, pidfd) in self.joins.iter().filter(|(flag, _)| *flag != namespace::USER) {
            namespace::join(pidfd.as_fd(), *flag)?;
        }
        match self.joins.first() {
            Some((_, pidfd)) if self.has_user_namespace => namespace::join(pidfd.as_fd(), namespace::USER),
            _ => Ok(()),
        }
    }

    /// The /dev/shm of whoever's IPC namespace is joined: a detached mount of it, taken in its own mount namespace.
    pub(super) fn clone_shared_memory(&self) -> Result<Option<OwnedFd>, Failure> {
        let Some(pidfd) = self.find(namespace::IPC) else { return Ok(None) };
        let (ours, theirs) = socket::packet_pair()?;
        match process::clone_process(0, None, false)? {
            Cloned::Child => {
                drop(ours);
                let report = match take_shared_memory(pidfd, self.has_user_namespace) {
                    Ok(mounted) => Report::Ready.send(&theirs, Some(&mounted)),
                    Err(failure) => Report::Failed(failure).send(&theirs, None),
                };
                drop(report);
                process::exit(0)
            }
            Cloned::Parent { pid, .. } => {
                drop(theirs);
                let report = Report::receive_in_time(&ours);
                process::wait_child(pid, true)?;
                match report? {
                    Some((Report::Ready, mut fds)) => Ok(fds.pop()),
                    Some((Report::Failed(failure), _)) => Err(failure),
                    _ => Err(ended()),
                }
            }
        }
    }
}

pub(super) fn flag_of(kind: JoinKind) -> i32 {
    match kind {
        JoinKind::Pid => namespace::PID,
        JoinKind::Ipc => namespace::IPC,
        JoinKind::Uts => namespace::UTS,
        JoinKind::Network => namespace::NETWORK,
        JoinKind::Cgroup => namespace::CGROUP,
        JoinKind::User => namespace::USER,
    }
}

fn open_peer(join: &Join) -> Result<OwnedFd, Failure> {
    process::open_pidfd_if_same(join.pid, join.start_time)?.ok_or_else(ended)
}

fn ended() -> Failure {
    Failure::new(FailureCode::NotRunning, "the container whose namespaces were to be joined has ended")
}

fn explain(error: SysError) -> Failure {
    if matches!(error.errno, ESRCH | ENOMEM) {
        return ended();
    }
    Failure::system(FailureCode::NotRunning, "joining the other container's namespaces", &error)
}

fn take_shared_memory(pidfd: BorrowedFd<'_>, has_user_namespace: bool) -> Result<OwnedFd, Failure> {
    process::set_dumpable(false)?;
    let user = if has_user_namespace { namespace::USER } else { 0 };
    namespace::join(pidfd, user | namespace::MOUNT).map_err(explain)?;
    let root = file::open("/", path::O_PATH | path::O_DIRECTORY)?;
    let flags = path::O_PATH | path::O_DIRECTORY;
    let memory = path::open_at2(root.as_fd(), b"dev/shm", flags, path::RESOLVE_NO_SYMLINKS)?;
    if mount::filesystem_type(memory.as_fd())? != TMPFS {
        return Err(Failure::new(FailureCode::BadPath, "the other container's /dev/shm is no shared memory"));
    }
    let clone = mount::clone_of(memory.as_fd(), false)?;
    mount::set_attributes(clone.as_fd(), mount::NOSUID | mount::NODEV | mount::NOEXEC, mount::PRIVATE, false)?;
    Ok(clone)
}

/// A container's process as it begins, waiting for its word.
pub(super) struct Begun {
    pub(super) pid: i32,
    pub(super) pidfd: OwnedFd,
    pub(super) namespaces: OpenNamespaces,
    pub(super) is_grouped: bool,
}

/// Makes the container's process in the joined namespaces, and in new ones for the rest. `ours` and `theirs`: the ends of what it
/// and the keeper say to each other.
pub(super) fn begin(
    prepared: &Prepared<'_>,
    peers: &Peers,
    cgroup: Option<BorrowedFd<'_>>,
    (ours, theirs): (&OwnedFd, OwnedFd),
) -> Result<Begun, Failure> {
    let go_between = match process::clone_process(0, None, false)? {
        Cloned::Child => {
            let failure = go_between(prepared, peers, cgroup, &theirs);
            let _ = Report::Failed(failure).send(&theirs, None);
            process::exit(NOT_STARTED)
        }
        Cloned::Parent { pid, .. } => pid,
    };
    drop(theirs);
    let begun = collect(ours);
    process::wait_child(go_between, true)?;
    let (pid, is_grouped, namespaces) = begun?;
    // Our child, and not reaped yet: the number is still its own.
    Ok(Begun { pid, pidfd: process::open_pidfd(pid)?, namespaces, is_grouped })
}

/// Joins, makes the process as its own sibling, says its number.
fn go_between(prepared: &Prepared<'_>, peers: &Peers, cgroup: Option<BorrowedFd<'_>>, theirs: &OwnedFd) -> Failure {
    // Before anybody of the other container can see this process, or its child (CVE-2016-9962).
    let entered = adjust_oom_score("self", &prepared.spec.process)
        .and_then(|()| Ok(process::set_dumpable(false)?))
        .and_then(|()| peers.enter().map_err(explain));
    if let Err(failure) = entered {
        return failure;
    }
    let flags = first_namespaces(prepared.spec);
    let mut is_grouped = cgroup.is_some();
    let cloned = process::clone_process(flags, cgroup, true).or_else(|error| {
        if !is_grouped {
            return Err(error);
        }
        is_grouped = false;
        process::clone_process(flags, None, true)
    });
    match cloned {
        Err(error) => explain(error),
        Ok(Cloned::Parent { pid, .. }) => {
            let _ = Report::Begun { pid, is_grouped }.send(theirs, None);
            process::exit(0)
        }
        Ok(Cloned::Child) => {
            // In its own words, since it cannot be looked into.
            let told = OpenNamespaces::own().and_then(|open| {
                Report::Namespaces.send_all(theirs, &[open.user.as_fd(), open.network.as_fd(), open.mount.as_fd()])
            });
            match told {
                Ok(()) => inside::run(prepared, theirs),
                Err(failure) => failure,
            }
        }
    }
}

/// The go-between's word and the process's own, whichever comes first. What failed is reaped.
fn collect(ours: &OwnedFd) -> Result<(i32, bool, OpenNamespaces), Failure> {
    let (mut begun, mut namespaces, mut failure) = (None, None, None);
    let failure = loop {
        match Report::receive_in_time(ours) {
            Ok(Some((Report::Begun { pid, is_grouped }, _))) => begun = Some((pid, is_grouped)),
            Ok(Some((Report::Namespaces, fds))) => namespaces = OpenNamespaces::from_list(fds),
            Ok(Some((Report::Failed(reason), _))) => failure = Some(reason),
            Ok(Some(_) | None) => break failure.unwrap_or_else(ended),
            Err(reason) => break reason,
        }
        if let (Some((pid, is_grouped)), Some(_)) = (begun, &namespaces)
            && let Some(open) = namespaces.take()
        {
            return Ok((pid, is_grouped, open));
        }
    };
    if let Some((pid, _)) = begun {
        process::kill_number(pid, SIGKILL)?;
        process::wait_child(pid, true)?;
    }
    Err(failure)
}
