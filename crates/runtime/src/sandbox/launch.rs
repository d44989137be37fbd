//! The keeper's side: clone the container's process into its namespaces, map its ids, wait for its report, let it go.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::process::{self, Cloned};
use bunker_sys::{SysError, file, namespace, path, socket};

use super::foreign::{self, Foreign};
use super::fuse::RootServer;
use super::inside;
use super::namespaces::OpenNamespaces;
use super::provision::Provision;
use super::report::{Report, Word};
use super::share::{self, Peers};
use crate::failure::{Failure, FailureCode};
use crate::seccomp::{self, SockFilter};
use crate::spec::{Network, Process, SandboxSpec};
use crate::userns::{self, map_text};

/// The container's ends of its standard streams; with a terminal there are none.
pub struct Streams {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// What the process gets open from the keeper.
#[derive(Default)]
pub struct Handed {
    pub streams: Option<Streams>,
    /// The caller's, for the numbers in `Process::kept_fds`.
    pub kept: Vec<OwnedFd>,
    /// Of a bundle's: where it listens for the word to start, once nobody is there who could give it.
    pub gate: Option<OwnedFd>,
}

/// What the child needs and only the keeper can have ready.
pub(super) struct Prepared<'a> {
    pub(super) spec: &'a SandboxSpec,
    pub(super) handed: &'a Handed,
    pub(super) filter: Vec<SockFilter>,
    /// This very program, for `--init`.
    pub(super) own_program: Option<OwnedFd>,
    /// Another container's /dev/shm, to be attached.
    pub(super) shared_memory: Option<OwnedFd>,
    /// Its root, where a program shows that.
    pub(super) served: Option<OwnedFd>,
}

/// A container's process that exists and has not been started. Dropped before it is, it ends, and is reaped.
pub struct Sandbox {
    pub pid: i32,
    pub pidfd: OwnedFd,
    sync: OwnedFd,
    /// The terminal's master, after `await_ready`.
    pub terminal: Option<OwnedFd>,
    /// Opened while its process could still be looked into. Who holds the mount namespace decides when it is taken down, which
    /// may take the overlay many milliseconds.
    pub namespaces: Option<OpenNamespaces>,
    /// Whether it is in the group it was made for.
    pub is_grouped: bool,
    /// Others live in its pid namespace, who could stop it.
    is_among_others: bool,
    /// Started, or reaped.
    is_settled: bool,
    /// Another runtime makes it: until `await_ready` the process is the one that becomes that runtime.
    foreign: Option<Foreign>,
    provision: Option<Provision>,
}

/// Makes the process in its namespaces (and in its group) and lets it build the sandbox; `await_ready` waits for that. Must run in U, with one thread.
///
/// # Errors
/// `HostRefused` when the kernel refuses a namespace, `BadRequest` for a bad seccomp profile.
pub fn create(
    spec: &SandboxSpec,
    handed: &Handed,
    cgroup: Option<BorrowedFd<'_>>,
    root: Option<&RootServer>,
) -> Result<Sandbox, Failure> {
    let sandbox = make(spec, handed, cgroup, root)?;
    sandbox.build()?;
    Ok(sandbox)
}

/// As `create`, but the process only waits in its namespaces, its ids mapped, for `Sandbox::build`. Must run with one thread.
///
/// # Errors
/// As `create`.
pub fn make(
    spec: &SandboxSpec,
    handed: &Handed,
    cgroup: Option<BorrowedFd<'_>>,
    root: Option<&RootServer>,
) -> Result<Sandbox, Failure> {
    inside::kept::ensure_valid(&spec.process.kept_fds, handed)?;
    let served = root.map(|server| file::duplicate(server.mounted.as_fd())).transpose()?;
    let filter = seccomp::compile(&spec.process.seccomp, &spec.process.capabilities.bounding)?;
    let provision = Provision::of(spec);
    if let Some(provision) = &provision {
        if spec.runtime.is_some() {
            let reason = "another runtime cannot make a container in which the user is nobody";
            return Err(Failure::new(FailureCode::HostRefused, reason));
        }
        provision.begin(spec)?;
    }
    let own_program = spec.process.init.then(|| file::open("/proc/self/exe", path::O_RDONLY)).transpose()?;
    let foreign = spec.runtime.as_ref().map(|runtime| Foreign::prepare(runtime, spec)).transpose()?;
    if !spec.joins.is_empty() {
        let peers = Peers::open(spec)?;
        let shared_memory = peers.clone_shared_memory()?;
        let prepared = Prepared { spec, handed, filter, own_program, shared_memory, served };
        let mut sandbox = make_beside(&prepared, &peers, cgroup)?;
        sandbox.provision = provision;
        if foreign.is_some() {
            sandbox.namespaces = None;
            sandbox.foreign = foreign;
        }
        return Ok(sandbox);
    }
    let prepared = Prepared { spec, handed, filter, own_program, shared_memory: None, served };
    let (ours, theirs) = socket::packet_pair()?;
    let flags = first_namespaces(spec);
    let mut is_grouped = cgroup.is_some();
    let cloned = process::clone_process(flags, cgroup, false).or_else(|error| {
        if !is_grouped {
            return Err(error);
        }
        // Delegated, but not to us who are elsewhere in the tree; or of a kind that takes no processes.
        is_grouped = false;
        process::clone_process(flags, None, false)
    });
    match cloned.map_err(|error| refused("making the container's namespaces", &error))? {
        Cloned::Child => {
            drop(ours);
            inside::run(&prepared, &theirs)
        }
        Cloned::Parent { pid, pidfd } => {
            let mut sandbox = Sandbox::from_parts(pid, pidfd, ours);
            sandbox.is_grouped = is_grouped;
            sandbox.provision = provision;
            drop(theirs);
            sandbox.map_ids(spec)?;
            adjust_oom_score(&pid.to_string(), &spec.process)?;
            if foreign.is_none() {
                sandbox.namespaces = Some(OpenNamespaces::of(pid)?);
            }
            sandbox.foreign = foreign;
            Ok(sandbox)
        }
    }
}

/// In namespaces of other containers, whose ids are mapped already.
fn make_beside(prepared: &Prepared<'_>, peers: &Peers, cgroup: Option<BorrowedFd<'_>>) -> Result<Sandbox, Failure> {
    let (ours, theirs) = socket::packet_pair()?;
    let begun = share::begin(prepared, peers, cgroup, (&ours, theirs))?;
    let mut sandbox = Sandbox::from_parts(begun.pid, begun.pidfd, ours);
    sandbox.is_grouped = begun.is_grouped;
    sandbox.is_among_others = true;
    sandbox.namespaces = Some(begun.namespaces);
    Ok(sandbox)
}

/// The namespaces in which a container's processes are not where the keeper is: what one more has to join.
pub fn entered_namespaces(spec: &SandboxSpec) -> i32 {
    let user = if spec.user_namespace.container_uid_map.is_empty() { 0 } else { namespace::USER };
    let joined = spec.joins.iter().map(|join| share::flag_of(join.kind)).filter(|flag| *flag != namespace::USER);
    joined.fold(own_namespaces(spec) | user, |flags, flag| flags | flag)
}

/// Those in which its first process begins. Another runtime makes most of them itself, and finds the root mounted.
pub(super) fn first_namespaces(spec: &SandboxSpec) -> i32 {
    let own = own_namespaces(spec) & !namespace::CGROUP;
    if spec.runtime.is_some() { own & (namespace::USER | namespace::MOUNT) } else { own }
}

/// The namespaces that are made for a container, as clone3 takes them but for the cgroup namespace.
pub(super) fn own_namespaces(spec: &SandboxSpec) -> i32 {
    let namespaces = &spec.namespaces;
    let mut flags = namespace::MOUNT;
    for (wanted, flag) in [
        (!spec.user_namespace.container_uid_map.is_empty() && spec.joins.is_empty(), namespace::USER),
        (namespaces.pid, namespace::PID),
        (namespaces.ipc, namespace::IPC),
        (namespaces.uts, namespace::UTS),
        (namespaces.cgroup, namespace::CGROUP),
        (namespaces.time, namespace::TIME),
        (!matches!(spec.network, Network::Host | Network::Shared), namespace::NETWORK),
    ] {
        if wanted {
            flags |= flag;
        }
    }
    flags
}

/// Of a process by its number or `self`. Through the host's /proc: nothing of the container can stand in for that, and while the
/// process may still be looked into: afterwards the file is root's.
pub(super) fn adjust_oom_score(pid: &str, wanted: &Process) -> Result<(), Failure> {
    let Some(score) = wanted.oom_score_adj else { return Ok(()) };
    file::write_value(&format!("/proc/{pid}/oom_score_adj"), &score.to_string())
        .map_err(|error| Failure::system(FailureCode::System, &format!("setting oom_score_adj to {score}"), &error))
}

fn refused(what: &str, error: &SysError) -> Failure {
    let code = if namespace::is_refused(error) { FailureCode::HostRefused } else { FailureCode::System };
    Failure::system(code, what, error)
}

impl Sandbox {
    pub(super) fn from_parts(pid: i32, pidfd: OwnedFd, sync: OwnedFd) -> Self {
        Self {
            pid,
            pidfd,
            sync,
            terminal: None,
            namespaces: None,
            is_grouped: false,
            is_among_others: false,
            is_settled: false,
            foreign: None,
            provision: None,
        }
    }

    fn map_ids(&self, spec: &SandboxSpec) -> Result<(), Failure> {
        let maps = &spec.user_namespace;
        if maps.container_uid_map.is_empty() {
            return Ok(());
        }
        if spec.bundle.is_some() && maps.newuidmap.is_some() {
            return userns::map_process(self.pid, maps);
        }
        let write = |name: &str, text: &str| file::write_value(&format!("/proc/{}/{name}", self.pid), text);
        let written = (|| {
            if maps.is_single() {
                // Where U could not change groups, neither can what lives under it.
                write("setgroups", "deny")?;
            }
            write("uid_map", &map_text(&maps.container_uid_map))?;
            write("gid_map", &map_text(&maps.container_gid_map))
        })();
        written.map_err(|error| Failure::system(FailureCode::HostRefused, "mapping the container's ids", &error))
    }

    /// Lets the process build its sandbox.
    ///
    /// # Errors
    /// When it is gone.
    pub fn build(&self) -> Result<(), Failure> {
        Word::Mapped.send(&self.sync)
    }

    /// Leaves the process, whose sandbox is whole, alone: from now on it waits at its gate.
    ///
    /// # Errors
    /// When it is gone.
    pub fn release(&mut self) -> Result<(), Failure> {
        Word::Alone.send(&self.sync)?;
        // Until it says so, our death would be its own.
        match Report::receive_in_time(&self.sync)? {
            Some((Report::Alone, _)) => {
                self.is_settled = true;
                Ok(())
            }
            _ => Err(self.unexplained()),
        }
    }

    /// Waits until the sandbox is whole.
    ///
    /// # Errors
    /// What the child reports, reaped.
    pub fn await_ready(&mut self) -> Result<(), Failure> {
        match self.receive_answering()? {
            Some((Report::Ready, mut terminal)) => match self.foreign.take() {
                Some(foreign) => self.take_over(foreign),
                None => {
                    self.terminal = terminal.pop();
                    Ok(())
                }
            },
            Some((Report::Failed(failure), _)) => {
                self.reap();
                Err(failure)
            }
            _ => Err(self.unexplained()),
        }
    }

    /// The process that was ours has become another runtime: the one that this makes takes its place, as our child.
    fn take_over(&mut self, foreign: Foreign) -> Result<(), Failure> {
        // Reaped in there, whatever comes of it.
        self.is_settled = true;
        let (pid, terminal) = match foreign.await_created(self.pid, self.pidfd.as_fd()) {
            Ok(made) => made,
            Err(failure) => {
                // The last words before it became the runtime.
                let told = Report::receive_at_once(&self.sync);
                return Err(if let Some(Report::Failed(earlier)) = told { earlier } else { failure });
            }
        };
        self.pidfd = process::open_pidfd(pid)?;
        self.pid = pid;
        self.is_settled = false;
        // What the container's processes leave behind is not ours.
        process::adopt_orphans(false)?;
        foreign::finish(self.pidfd.as_fd(), &foreign)?;
        self.namespaces = Some(OpenNamespaces::of(pid)?);
        self.terminal = terminal;
        self.foreign = Some(foreign);
        Ok(())
    }

    /// The next report that is not for the provision.
    fn receive_answering(&mut self) -> Result<Option<(Report, Vec<OwnedFd>)>, Failure> {
        loop {
            let received =
                if self.is_among_others { Report::receive_patiently(&self.sync) } else { Report::receive(&self.sync) };
            let Some((report, fds)) = received? else { return Ok(None) };
            let answered = self.provision.as_ref().map_or(Ok(false), |provision| provision.answer(&report, &fds));
            match answered {
                Ok(true) => Word::Done.send(&self.sync)?,
                Ok(false) => return Ok(Some((report, fds))),
                Err(failure) => {
                    self.reap();
                    return Err(failure);
                }
            }
        }
    }

    /// Lets the process exec.
    ///
    /// # Errors
    /// `CommandNotFound`, `CommandNotExecutable` and whatever else the last steps came to; the process is reaped then.
    pub fn start(&mut self) -> Result<(), Failure> {
        if let Some(foreign) = self.foreign.take() {
            match foreign.start() {
                Ok(true) => {}
                Ok(false) => {
                    self.is_settled = true;
                    return Ok(());
                }
                Err(failure) => {
                    self.reap();
                    return Err(failure);
                }
            }
        } else if Word::Go.send(&self.sync).is_err() {
            return Err(self.unexplained());
        }
        match Report::receive_in_time(&self.sync) {
            Ok(Some((Report::Failed(failure), _))) | Err(failure) => {
                self.reap();
                Err(failure)
            }
            Ok(_) => {
                self.is_settled = true;
                Ok(())
            }
        }
    }

    /// The sandbox's process is gone without a word: killed, or a bug.
    fn unexplained(&mut self) -> Failure {
        let end = self.reap();
        Failure::new(FailureCode::System, format!("the container's process ended before it was started ({end:?})"))
    }

    fn reap(&mut self) -> Option<process::Ended> {
        self.is_settled = true;
        let _ = process::signal(self.pidfd.as_fd(), SIGKILL);
        process::wait_child(self.pid, true).ok().flatten()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.is_settled {
            self.reap();
        }
    }
}

const SIGKILL: i32 = 9;
