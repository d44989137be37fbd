//! The keeper's side of a container that another runtime makes: how that program is called, and what comes of it.
//!
//! `bundle/` in the container's directory: config.json, rootfs and mounts (where only the runtime sees something mounted), state (the
//! runtime's own), log, pid, and for a terminal the socket ctl. Made anew at each start, gone with its end.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::poll::{self, Watch};
use bunker_sys::process::{self, Cloned, Ended};
use bunker_sys::{SysResult, file, mount, namespace, path, socket};
use serde::Deserialize;

use crate::failure::{Failure, FailureCode};
use crate::spec::{Network, OciRuntime, SandboxSpec};
use crate::tree;

pub(super) const BUNDLE: &str = "bundle";
/// It makes namespaces and mounts, which takes some tens of milliseconds.
const PATIENCE_MS: i32 = 60_000;
/// The message with the terminal's descriptor carries its name.
const CONSOLE_MESSAGE: usize = 4096;
const SIGKILL: i32 = 9;
/// After the standard streams.
pub(super) const FIRST_KEPT: i32 = 3;
const NOT_EXECUTED: i32 = 127;
/// A number, or a log of a few lines.
const READ_LIMIT: usize = 64 * 1024;

/// How the program is called for one container.
#[derive(Clone)]
pub(super) struct Invocation {
    program: String,
    flags: Vec<String>,
    bundle: String,
    id: String,
}

impl Invocation {
    pub(super) fn new(runtime: &OciRuntime, spec: &SandboxSpec) -> Self {
        Self {
            program: runtime.program.clone(),
            flags: runtime.flags.clone(),
            bundle: format!("{}/{BUNDLE}", spec.container_dir),
            id: spec.id.clone(),
        }
    }

    /// Called in the bundle, whose path may be too long for a socket's.
    pub(super) fn create(&self, spec: &SandboxSpec) -> Vec<CString> {
        let mut words = vec!["create".to_owned(), format!("--bundle={}", self.bundle)];
        words.push(format!("--pid-file={}/pid", self.bundle));
        // Ours is empty and without permissions; one for each container would use up the user's quota.
        words.push("--no-new-keyring".to_owned());
        if spec.process.terminal {
            words.push("--console-socket=ctl".to_owned());
        }
        let kept = spec.process.kept_fds.len() + usize::from(spec.process.init);
        if kept > 0 {
            words.push(format!("--preserve-fds={kept}"));
        }
        self.words(&words)
    }

    fn words(&self, verb: &[String]) -> Vec<CString> {
        let mut words = vec![self.program.clone()];
        words.extend(self.flags.iter().cloned());
        words.push(format!("--root={}/state", self.bundle));
        words.push(format!("--log={}/log", self.bundle));
        words.push("--log-format=json".to_owned());
        if self.is_crun() {
            // The container's group is made, and its process in it, before the runtime comes.
            words.push("--cgroup-manager=disabled".to_owned());
        }
        words.extend(verb.iter().cloned());
        words.push(self.id.clone());
        words.iter().filter_map(|word| CString::new(word.as_str()).ok()).collect()
    }

    fn name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or_default()
    }

    /// runc and its likes know no such flag, and do without groups where they may make none.
    fn is_crun(&self) -> bool {
        self.name().contains("crun")
    }

    /// Runs one verb to its end, with streams that lead nowhere.
    fn run(&self, verb: &[&str]) -> Result<(), Failure> {
        let verb: Vec<String> = verb.iter().map(|word| (*word).to_owned()).collect();
        let words = self.words(&verb);
        let Some(program) = words.first() else { return Err(self.failed("it has no name")) };
        let (pid, pidfd) = match process::clone_process(0, None, false)? {
            Cloned::Parent { pid, pidfd } => (pid, pidfd),
            Cloned::Child => {
                let ready = process::set_parent_death_signal(SIGKILL)
                    .and_then(|()| file::open("/dev/null", path::O_RDWR))
                    .and_then(|null| (0..3).try_for_each(|number| file::place(null.as_fd(), number)))
                    .and_then(|()| file::close_from_at_exec(3));
                process::reset_signals();
                if ready.is_ok() {
                    process::execute(program, &words, &[]);
                }
                process::exit(NOT_EXECUTED)
            }
        };
        match await_end(pid, pidfd.as_fd())? {
            Some(end) if end.exit_code() == 0 => Ok(()),
            _ => Err(self.failed(&self.complaint().unwrap_or_else(|| "it said nothing".to_owned()))),
        }
    }

    /// The last error in its log.
    fn complaint(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Line {
            msg: String,
            #[serde(default)]
            level: String,
        }
        let text = self.read("log").ok()?;
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        lines.rfind(|line| line.level == "error").map(|line| line.msg)
    }

    /// The beginning of one of the runtime's files.
    fn read(&self, name: &str) -> Result<String, Failure> {
        let opened = file::open(&format!("{}/{name}", self.bundle), path::O_RDONLY | path::O_NOFOLLOW)?;
        let mut buffer = vec![0; READ_LIMIT];
        let count = path::read_at(opened.as_fd(), &mut buffer, 0)?;
        Ok(String::from_utf8_lossy(&buffer[..count]).into_owned())
    }

    fn failed(&self, reason: &str) -> Failure {
        Failure::new(FailureCode::System, format!("{}: {reason}", self.name()))
    }
}

/// What belongs to a container that another runtime makes, until it is started.
pub(super) struct Foreign {
    invocation: Invocation,
    command: String,
    has_init: bool,
    /// Namespaces in which something is left to do.
    entered: i32,
    root_attributes: u64,
    console: Option<OwnedFd>,
}

impl Foreign {
    /// An empty bundle; from now on what the runtime leaves behind is ours.
    pub(super) fn prepare(runtime: &OciRuntime, spec: &SandboxSpec) -> Result<Self, Failure> {
        let invocation = Invocation::new(runtime, spec);
        ensure_in_a_row(&spec.process.kept_fds, invocation.name())?;
        remove_bundle(spec)?;
        let base = file::open(&spec.container_dir, path::O_PATH | path::O_DIRECTORY)?;
        for name in ["bundle", "bundle/rootfs", "bundle/mounts", "bundle/state"] {
            path::make_directory_at(base.as_fd(), name.as_bytes(), 0o700)?;
        }
        let console = spec.process.terminal.then(|| socket::listen_control(&invocation.bundle)).transpose()?;
        process::adopt_orphans(true)?;
        let command = spec.process.args.first().cloned().unwrap_or_default();
        let user = if spec.user_namespace.container_uid_map.is_empty() { 0 } else { namespace::USER };
        let has_own_network = !matches!(spec.network, Network::Host | Network::Shared);
        let network = if has_own_network { namespace::NETWORK } else { 0 };
        let entered = user | network | namespace::MOUNT;
        let root_attributes = mount::NODEV | if spec.process.no_new_privileges { mount::NOSUID } else { 0 };
        Ok(Self { invocation, command, has_init: spec.process.init, entered, root_attributes, console })
    }

    /// Waits for the process that became the runtime, and says which one it made; with a terminal that comes along.
    pub(super) fn await_created(&self, pid: i32, pidfd: BorrowedFd<'_>) -> Result<(i32, Option<OwnedFd>), Failure> {
        let end = await_end(pid, pidfd)?;
        if end.is_none_or(|end| end.exit_code() != 0) {
            let reason = self.invocation.complaint().unwrap_or_else(|| format!("it ended ({end:?})"));
            return Err(explain(&reason, &self.command).unwrap_or_else(|| self.invocation.failed(&reason)));
        }
        let made = self.invocation.read("pid")?;
        let made = made.trim().parse().map_err(|_| self.invocation.failed("it did not say which process it made"))?;
        let terminal = self.console.as_ref().map(|console| self.receive_terminal(console.as_fd())).transpose()?;
        Ok((made, terminal))
    }

    fn receive_terminal(&self, console: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
        let received = match socket::accept_anybody(console)? {
            Some(connected) => socket::receive_packet(connected.as_fd(), CONSOLE_MESSAGE)?,
            None => None,
        };
        received
            .and_then(|(_, fds)| fds.into_iter().next())
            .ok_or_else(|| self.invocation.failed("it sent no terminal"))
    }

    /// Lets the container's process go on. True: whether it could is reported by our init.
    pub(super) fn start(&self) -> Result<bool, Failure> {
        self.invocation.run(&["start"])?;
        Ok(self.has_init)
    }
}

/// A runtime is told how many descriptors from 3 on to leave open. What lies in a gap would be its own.
fn ensure_in_a_row(numbers: &[i32], name: &str) -> Result<(), Failure> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().zip(FIRST_KEPT..).all(|(number, expected)| *number == expected) {
        let message = format!("{name} keeps descriptors from {FIRST_KEPT} on only, without a gap");
        return Err(Failure::new(FailureCode::BadRequest, message));
    }
    Ok(())
}

/// Of a child that should end soon, which is killed otherwise.
fn await_end(pid: i32, pidfd: BorrowedFd<'_>) -> Result<Option<Ended>, Failure> {
    let mut watches = [Watch::new(pidfd, true, false)];
    poll::wait(&mut watches, PATIENCE_MS)?;
    if !watches[0].has_event() {
        let _ = process::signal(pidfd, SIGKILL);
    }
    Ok(process::wait_child(pid, true)?)
}

/// A command that is not there or is none, by the words of crun and runc.
fn explain(reason: &str, command: &str) -> Option<Failure> {
    let lower = reason.to_lowercase();
    let is_about_command =
        lower.contains("executable") || lower.contains("exec: ") || lower.contains("exec container process");
    if !is_about_command {
        return None;
    }
    let missing =
        if command.contains('/') { "no such file or directory" } else { "executable file not found in $PATH" };
    if lower.contains("not found") || lower.contains("no such file") {
        return Some(Failure::new(FailureCode::CommandNotFound, format!("exec: \"{command}\": {missing}")));
    }
    let why = lower.rsplit(": ").next().unwrap_or_default().to_owned();
    Some(Failure::new(FailureCode::CommandNotExecutable, format!("exec: \"{command}\": {why}")))
}

/// Tells the runtime, if there is one, that the container is no more, and removes the bundle.
pub fn retire(spec: &SandboxSpec) {
    let Some(runtime) = &spec.runtime else { return };
    // What it keeps is in the bundle; whatever else it may have had is its own to forget.
    let _ = Invocation::new(runtime, spec).run(&["delete", "--force"]);
    let _ = remove_bundle(spec);
}

fn remove_bundle(spec: &SandboxSpec) -> Result<(), Failure> {
    let base = file::open(&spec.container_dir, path::O_RDONLY | path::O_DIRECTORY)?;
    Ok(tree::remove(base.as_fd(), BUNDLE.as_bytes())?)
}

/// What runtimes leave undone, while nothing runs in the container yet: the loopback of a new network is raised, and the root gets back
/// the attributes that were taken from it when it was bound once more.
pub(super) fn finish(pidfd: BorrowedFd<'_>, foreign: &Foreign) -> Result<(), Failure> {
    let pid = match process::clone_process(0, None, false)? {
        Cloned::Parent { pid, .. } => pid,
        Cloned::Child => process::exit(i32::from(finish_inside(pidfd, foreign).is_err())),
    };
    match process::wait_child(pid, true)? {
        Some(end) if end.exit_code() == 0 => Ok(()),
        _ => Err(Failure::new(FailureCode::System, "finishing what the OCI runtime has made")),
    }
}

fn finish_inside(pidfd: BorrowedFd<'_>, foreign: &Foreign) -> SysResult<()> {
    process::set_dumpable(false)?;
    namespace::join(pidfd, foreign.entered)?;
    if foreign.entered & namespace::NETWORK != 0 {
        file::raise_loopback()?;
    }
    let root = file::open("/", path::O_PATH | path::O_DIRECTORY)?;
    mount::set_attributes(root.as_fd(), foreign.root_attributes, 0, false)
}

#[cfg(test)]
#[path = "foreign_test.rs"]
mod tests;
