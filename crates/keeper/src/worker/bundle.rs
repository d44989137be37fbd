//! OCI bundles: makes the sandbox of one at another engine's word, hands its terminal on and goes; the container's process waits at
//! its gate, a child of whoever collects orphans where the engine's monitor is. Each step waits for the command's word, so that it
//! can write down what it must know before anything outlives it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use bunker_runtime::sandbox::{self, Handed, JoinTarget, Sandbox, Streams};
use bunker_runtime::spec::{Bundle, NamespaceKind, Process, SPEC_VERSION, SandboxSpec};
use bunker_runtime::{Failure, FailureCode, userns};
use bunker_sys::client::channel;
use bunker_sys::{SysError, file, namespace, path, process, socket};
use serde::Deserialize;
use serde_json::{Value, json};

use super::receive;

/// What is asked for. Its descriptors: standard input, output and error, and what else the process is to have.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Request {
    Make {
        version: u32,
        spec: Box<SandboxSpec>,
        /// Where the process is to listen for its start.
        state_dir: String,
        console_socket: Option<String>,
    },
    Join {
        version: u32,
        spec: Box<SandboxSpec>,
        process: Box<Process>,
        pid: i32,
        start_time: u64,
        console_socket: Option<String>,
    },
}

/// Serves one command.
pub fn serve(channel: &OwnedFd) {
    if let Err(failure) = run(channel) {
        tell(channel, &json!({ "ok": false, "failure": failure }));
    }
}

fn tell(channel: &OwnedFd, answer: &Value) {
    // A client that does not wait for it is fine.
    let _ = channel::send(channel.as_raw_fd(), &answer.to_string(), &[]);
}

fn bad(reason: &str) -> Failure {
    Failure::new(FailureCode::BadRequest, format!("bundle: {reason}"))
}

fn run(channel: &OwnedFd) -> Result<(), Failure> {
    let (request, fds) = receive(channel)?;
    let request: Request = serde_json::from_value(request).map_err(|error| bad(&error.to_string()))?;
    let (Request::Make { version, console_socket, .. } | Request::Join { version, console_socket, .. }) = &request;
    if *version > SPEC_VERSION {
        return Err(bad(&format!("version {version} is newer than {SPEC_VERSION}")));
    }
    // While its path still means what the caller meant.
    let console = console_socket.as_deref().map(connect).transpose()?;
    let mut handed = sort(fds)?;
    match request {
        Request::Make { spec, state_dir, .. } => {
            handed.gate = Some(socket::listen_control(&state_dir)?);
            make(channel, &Wanted { spec: &spec, handed: with_terminal(handed, &spec.process), console })
        }
        Request::Join { spec, process, pid, start_time, .. } => {
            let handed = with_terminal(handed, &process);
            let mut member = join(&spec, &process, (pid, start_time), &handed)?;
            drop(handed);
            hand_over(&mut member, console.as_ref())?;
            let end = member.pid;
            tell(channel, &json!({ "ok": true, "pid": end }));
            watch(channel, end)
        }
    }
}

/// Streams first, then what else is kept.
fn sort(fds: Vec<OwnedFd>) -> Result<Handed, Failure> {
    let mut fds = fds.into_iter();
    let (Some(stdin), Some(stdout), Some(stderr)) = (fds.next(), fds.next(), fds.next()) else {
        return Err(bad("its streams are missing"));
    };
    Ok(Handed { streams: Some(Streams { stdin, stdout, stderr }), kept: fds.collect(), gate: None })
}

/// With a terminal there are no streams.
fn with_terminal(handed: Handed, process: &Process) -> Handed {
    Handed { streams: handed.streams.filter(|_| !process.terminal), ..handed }
}

fn connect(place: &str) -> Result<OwnedFd, Failure> {
    let (directory, name) = place.rsplit_once('/').ok_or_else(|| bad("the console socket has no absolute path"))?;
    let opened = file::open(&format!("{directory}/"), path::O_PATH | path::O_DIRECTORY);
    opened
        .and_then(|directory| socket::connect_in(&directory, name))
        .map_err(|error| Failure::system(FailureCode::BadPath, &format!("connecting to \"{place}\""), &error))
}

struct Wanted<'a> {
    spec: &'a SandboxSpec,
    handed: Handed,
    console: Option<OwnedFd>,
}

fn make(channel: &OwnedFd, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let Wanted { spec, handed, console } = wanted;
    userns::hide_keys()?;
    if let Some(bundle) = &spec.bundle {
        enter(bundle)?;
    }
    let group = spec.cgroup.as_ref().map(|place| file::open(place, path::O_RDONLY | path::O_DIRECTORY)).transpose()?;
    let mut sandbox = sandbox::make(spec, handed, group.as_ref().map(AsFd::as_fd), None)?;
    // Held open they would keep the container's mounts.
    sandbox.namespaces = None;
    tell(channel, &json!({ "ok": true, "pid": sandbox.pid, "isGrouped": sandbox.is_grouped }));
    await_word(channel)?;
    sandbox.build()?;
    sandbox.await_ready()?;
    hand_over(&mut sandbox, console.as_ref())?;
    tell(channel, &json!({ "ok": true }));
    await_word(channel)?;
    sandbox.release()?;
    tell(channel, &json!({ "ok": true }));
    watch(channel, sandbox.pid)
}

/// The command goes on; without it there is nobody the container would be for.
fn await_word(channel: &OwnedFd) -> Result<(), Failure> {
    match channel::receive(channel.as_raw_fd())? {
        Some(_) => Ok(()),
        None => Err(Failure::new(FailureCode::Cancelled, "the command has gone")),
    }
}

/// A command that stays wants to know how the process ends; one that has gone has left it to whoever collects orphans.
fn watch(channel: &OwnedFd, pid: i32) -> Result<(), Failure> {
    if channel::receive(channel.as_raw_fd())?.is_none() {
        return Ok(());
    }
    let end = process::wait_child(pid, true)?;
    tell(channel, &json!({ "ok": true, "code": end.map(process::Ended::exit_code) }));
    Ok(())
}

/// The terminal's master, as runc sends it.
fn hand_over(made: &mut Sandbox, console: Option<&OwnedFd>) -> Result<(), Failure> {
    const NAME: &[u8] = b"/dev/ptmx";
    match (made.terminal.take(), console) {
        (Some(master), Some(console)) => Ok(socket::send_packet(console.as_fd(), NAME, &[master.as_fd()])?),
        (Some(_), None) => Err(bad("a terminal needs a console socket")),
        _ => Ok(()),
    }
}

/// Joins what is given by its path: of the user namespace first, since being root there is what the others take; those that belong
/// to the one we come from have to be joined before.
fn enter(bundle: &Bundle) -> Result<(), Failure> {
    let mut opened = Vec::new();
    for join in &bundle.joins {
        let refused =
            |error: &SysError| Failure::system(FailureCode::BadPath, &format!("opening \"{}\"", join.path), error);
        opened.push((file::open(&join.path, path::O_RDONLY).map_err(|error| refused(&error))?, join));
    }
    let has_user = bundle.joins.iter().any(|join| join.kind == NamespaceKind::User);
    if has_user {
        opened.retain(|(file, join)| {
            join.kind == NamespaceKind::User || namespace::join(file.as_fd(), flag_of(join.kind)).is_err()
        });
        opened.sort_by_key(|(_, join)| join.kind != NamespaceKind::User);
    }
    for (file, join) in &opened {
        namespace::join(file.as_fd(), flag_of(join.kind)).map_err(|error| {
            Failure::system(FailureCode::HostRefused, &format!("joining the namespace \"{}\"", join.path), &error)
        })?;
    }
    Ok(())
}

fn flag_of(kind: NamespaceKind) -> i32 {
    match kind {
        NamespaceKind::Cgroup => namespace::CGROUP,
        NamespaceKind::Ipc => namespace::IPC,
        NamespaceKind::Network => namespace::NETWORK,
        NamespaceKind::Pid => namespace::PID,
        NamespaceKind::Time => namespace::TIME,
        NamespaceKind::User => namespace::USER,
        NamespaceKind::Uts => namespace::UTS,
    }
}

fn join(
    spec: &SandboxSpec,
    wanted: &Process,
    (pid, start_time): (i32, u64),
    handed: &Handed,
) -> Result<Sandbox, Failure> {
    userns::hide_keys()?;
    let ended = || Failure::new(FailureCode::NotRunning, "the container is not running");
    let pidfd = process::open_pidfd_if_same(pid, start_time)?.ok_or_else(ended)?;
    let namespaces = sandbox::differing_namespaces(pid)?;
    let group = spec.cgroup.as_ref().and_then(|place| file::open(place, path::O_RDONLY | path::O_DIRECTORY).ok());
    let cgroup: Option<BorrowedFd<'_>> = group.as_ref().map(AsFd::as_fd);
    let target = JoinTarget { spec, pidfd: pidfd.as_fd(), cgroup, namespaces };
    sandbox::join(&target, wanted, handed)
}
