//! What runs in the container's own namespaces, from the clone to the exec: build the root, wait for the word, become the process.
//! Nothing of the image runs before the exec, and after `Mapped` nobody can look into this process.

mod account;
mod bundle;
mod command;
mod device;
mod file;
mod host_paths;
mod image;
pub mod init;
pub(super) mod kept;
mod listed;
mod mask;
mod process;
mod requested;
mod root;
mod standard;
mod terminal;
mod volume;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{credential, file as descriptor, mount, namespace, path, process as kernel};

use self::host_paths::HostPaths;
use super::fuse;
use super::gate;
use super::identity::{self, Identity, IdentityFiles};
use super::launch::{Handed, Prepared};
use super::report::{Report, Word};
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::spec::{Network, RootFilesystem, SandboxSpec};
use crate::userns;

use standard::Standard;
use terminal::Terminal;

pub(super) use file::write_all;
pub(super) use process::{Outfit, become_process, open_workdir};
pub(super) use root::{Changes, Stack};
pub(super) use terminal::open_terminal;
pub(super) use volume::{fill_from, finish};

/// passwd and group files larger than this are not read (security.md §3).
const IDENTITY_FILE_LIMIT: usize = 10 * 1024 * 1024;
const SIGKILL: i32 = 9;
const EPERM: i32 = 1;

/// The child's whole life. Never returns.
pub(super) fn run(prepared: &Prepared<'_>, sync: &OwnedFd) -> ! {
    let failure = if let Some(runtime) = &prepared.spec.runtime {
        bundle::become_runtime(runtime, prepared, sync)
    } else {
        match build(prepared, sync) {
            Ok((outfit, caller)) => become_process(&outfit, caller.as_ref().unwrap_or(sync)),
            Err(failure) => failure,
        }
    };
    let _ = Report::Failed(failure).send(sync, None);
    kernel::exit(NOT_STARTED)
}

/// Nobody sees it: the report says why.
const NOT_STARTED: i32 = 125;

/// Waits until the ids are mapped, and becomes root of them, into whom nobody looks.
fn begin(spec: &SandboxSpec, sync: &OwnedFd) -> Result<HostPaths, Failure> {
    kernel::set_parent_death_signal(SIGKILL)?;
    Word::Mapped.wait(sync)?;
    let hosts = HostPaths::of(spec);
    // In U we are root; who calls for a bundle may be anybody in his.
    let is_somebody_else =
        if spec.bundle.is_some() { credential::effective_user() != 0 } else { spec.user_namespace.has_other_root() };
    if is_somebody_else {
        userns::become_root()?;
        // The change took it away.
        kernel::set_parent_death_signal(SIGKILL)?;
    }
    kernel::set_dumpable(false)?;
    Ok(hosts)
}

/// With who wants it started, where that is not the keeper.
fn build<'a>(prepared: &'a Prepared<'_>, sync: &OwnedFd) -> Result<(Outfit<'a>, Option<OwnedFd>), Failure> {
    let spec = prepared.spec;
    let hosts = begin(spec, sync)?;
    if spec.namespaces.cgroup {
        // Not with the others at the clone: its root is the group its maker is in, and only the child is in the container's.
        namespace::unshare(namespace::CGROUP)?;
    }
    if spec.bundle.is_some() {
        listed::stand_apart()?;
    }
    let sources = requested::open_sources(spec, &hosts)?;
    let directory = hosts.directory(&spec.container_dir)?;
    let root = root::assemble(spec, &directory, (prepared.served.as_ref(), &hosts))?;
    if spec.user_namespace.hides_caller() {
        let places = requested::filled_places(&sources, root.as_fd())?;
        let fds: Vec<_> = std::iter::once(root.as_fd()).chain(places.iter().map(AsFd::as_fd)).collect();
        Report::Rooted.send_all(sync, &fds)?;
        Word::Done.wait(sync)?;
    }
    let standard = if spec.bundle.is_some() {
        listed::mount_all(spec, root.as_fd(), &sources)?
    } else {
        let standard = standard::mount_all(spec, root.as_fd(), prepared.shared_memory.as_ref())?;
        let proc = standard.proc.as_ref().map(AsFd::as_fd);
        requested::attach_all(&sources, root.as_fd(), proc, spec.user_namespace.hides_caller())?;
        standard
    };
    file::place_all(spec, directory.as_fd(), root.as_fd())?;
    mask::apply(spec, &standard, root.as_fd())?;
    name_host(spec)?;
    if !matches!(spec.network, Network::Host | Network::Shared) {
        descriptor::raise_loopback()?;
    }
    account::add_lines(&spec.host_users, root.as_fd())?;
    let identity = identify(root.as_fd(), &spec.process.user, &spec.process.group_add)?;
    if let Some(account) = &spec.account {
        account::add(account, &spec.process, &identity, root.as_fd())?;
    }
    let maps = &spec.user_namespace;
    identity::ensure_mapped(&identity, &maps.container_uid_map, &maps.container_gid_map)?;
    if maps.hides_caller() {
        ask_for_own(sync, &identity, prepared.handed, &requested::given(&sources))?;
    } else {
        requested::give_all(&sources, (identity.uid, identity.gid))?;
    }
    let terminal = if spec.process.terminal { Some(make_terminal(spec, &standard, identity.uid)?) } else { None };
    mount::pivot_into(root.as_fd())?;
    let workdir = open_workdir(root.as_fd(), &spec.process.cwd, true)?;
    let attributes = closing_attributes(spec);
    if attributes != 0 {
        // Last, so that mount points and the working directory could be made.
        mount::set_attributes(root.as_fd(), attributes, 0, false)?;
    }
    let (master, peer) = terminal.map_or((None, None), |opened| (Some(opened.master), Some(opened.peer)));
    if spec.bundle.is_some() {
        command::ensure_command(&spec.process, workdir.as_fd())?;
    }
    Report::Ready.send(sync, master.as_ref())?;
    let caller = if let Some(gate) = &prepared.handed.gate {
        Word::Alone.wait(sync)?;
        kernel::set_parent_death_signal(0)?;
        Report::Alone.send(sync, None)?;
        // Whoever was given it is the only one who has it.
        drop(master);
        Some(gate::wait(gate)?)
    } else {
        Word::Go.wait(sync)?;
        None
    };
    let outfit = Outfit {
        process: &spec.process,
        identity,
        workdir,
        terminal: peer,
        handed: prepared.handed,
        filter: &prepared.filter,
        init_program: prepared.own_program.as_ref(),
        can_change_groups: !maps.is_single() || maps.container_gid_map.is_empty(),
        is_called: caller.is_some(),
    };
    Ok((outfit, caller))
}

fn make_terminal(spec: &SandboxSpec, standard: &Standard, user: u32) -> Result<Terminal, Failure> {
    let (Some(terminals), Some(devices)) = (&standard.terminals, &standard.devices) else {
        return Err(Failure::new(FailureCode::BadRequest, "a terminal needs mounts at /dev and /dev/pts"));
    };
    let opened = open_terminal(terminals.as_fd(), user, (spec.process.rows, spec.process.columns))?;
    terminal::bind_console(devices.as_fd(), opened.peer.as_fd())?;
    Ok(opened)
}

/// The keeper makes the process's own what the container's root may not even look at.
pub(super) fn ask_for_own(
    sync: &OwnedFd,
    identity: &Identity,
    handed: &Handed,
    trees: &[BorrowedFd<'_>],
) -> Result<(), Failure> {
    let streams = handed
        .streams
        .as_ref()
        .map_or(Vec::new(), |streams| vec![streams.stdin.as_fd(), streams.stdout.as_fd(), streams.stderr.as_fd()]);
    let report = Report::Identified { uid: identity.uid, gid: identity.gid, streams: streams.len() };
    report.send_all(sync, &[streams.as_slice(), trees].concat())?;
    Word::Done.wait(sync)
}

/// The root of a container that does not run, as its processes would find it but for what the kernel shows there: a detached tree.
/// Must run in U, in a mount namespace of its own, under the container's lock.
///
/// # Errors
/// As of a start.
pub fn resting_root(spec: &SandboxSpec) -> Result<OwnedFd, Failure> {
    let hosts = HostPaths::default();
    let sources = requested::open_sources(spec, &hosts)?;
    let directory = open_host_directory(&spec.container_dir)?;
    let server = fuse::serve_root(spec)?;
    let served = server.map(fuse::RootServer::begin).transpose()?;
    let root = root::assemble(spec, &directory, (served.as_ref(), &hosts))?;
    requested::attach_all(&sources, root.as_fd(), None, false)?;
    file::place_all(spec, directory.as_fd(), root.as_fd())?;
    Ok(mount::clone_of(root.as_fd(), true)?)
}

/// Whether overlay is mounted here as a container's root needs it, by the kernel or with this program: tried in `directory`, an empty
/// one of ours. Must run in U, in a mount namespace of its own.
///
/// # Errors
/// Why it is not.
pub fn try_overlay(directory: &str, program: Option<&str>) -> Result<(), Failure> {
    let place = open_host_directory(directory)?;
    let make = |name: &str| path::make_directory_at(place.as_fd(), name.as_bytes(), 0o755);
    for name in ["lower", "upper", "work", "merged"] {
        make(name)?;
    }
    let within = |name: &str| format!("{directory}/{name}");
    let lower = [within("lower")];
    let layer = open_host_directory(&lower[0])?;
    path::make_directory_at(layer.as_fd(), b"removed", 0o755)?;
    if program.is_none() {
        // Where this fails, layers have marks that only the other drivers read.
        path::make_node_at(layer.as_fd(), b"whiteout", path::S_IFCHR)
            .map_err(|error| Failure::system(FailureCode::HostRefused, "making a whiteout for overlay", &error))?;
    }
    let (upper, work) = (within("upper"), within("work"));
    let changes = Some(root::Changes { upper: &upper, work: &work, volatile: false });
    let stack = root::Stack { lower: &lower, changes, is_first_start: true };
    let merged = match program {
        None => root::overlay(&stack, &open_host_directory(&within("merged"))?, &HostPaths::default())?,
        Some(program) => return fuse::try_serving(program, &stack),
    };
    // Some file systems take the mount and cannot keep its marks.
    path::remove_directory_at(merged.as_fd(), b"removed")?;
    Ok(())
}

fn closing_attributes(spec: &SandboxSpec) -> u64 {
    let (RootFilesystem::Overlay { readonly, .. } | RootFilesystem::Directory { readonly, .. }) = &spec.root;
    let mut attributes = if *readonly { mount::RDONLY } else { 0 };
    if spec.process.no_new_privileges && spec.bundle.is_none() {
        // What such a process could not use, nobody who is let in by a flag later should find usable.
        attributes |= mount::NOSUID;
    }
    attributes
}

fn name_host(spec: &SandboxSpec) -> Result<(), Failure> {
    if !spec.namespaces.uts {
        return Ok(());
    }
    let name = spec.hostname.as_ref().map_or(Ok(()), |name| descriptor::set_hostname(name));
    let domain = spec.domainname.as_ref().map_or(Ok(()), |name| descriptor::set_domainname(name));
    match name.and(domain) {
        // The filter of the outer container's engine lets nobody name a host: the name stays what it is out there.
        Err(error) if error.errno == EPERM && spec.dispensable.iter().any(|name| name == "hostname") => Ok(()),
        other => Ok(other?),
    }
}

/// Looks up the user in the container's own files; one that is missing is empty, anything odd in its place is refused.
pub(super) fn identify(
    root: std::os::fd::BorrowedFd<'_>,
    user: &str,
    group_add: &[String],
) -> Result<Identity, Failure> {
    const ENOENT: i32 = 2;
    const ENOTDIR: i32 = 20;
    let read = |name: &str| match inroot::read_file(root, name.as_bytes(), IDENTITY_FILE_LIMIT) {
        Err(error) if matches!(error.errno, ENOENT | ENOTDIR) => Ok(Vec::new()),
        Err(error) => {
            Err(Failure::system(FailureCode::UserNotFound, &format!("reading the container's /{name}"), &error))
        }
        Ok(content) => Ok(content),
    };
    let files = IdentityFiles { passwd: read("etc/passwd")?, group: read("etc/group")? };
    identity::resolve(user, group_add, &files)
}

/// Opens a directory of the host by its path, in this process's copy of the host's mounts.
fn open_host_directory(directory: &str) -> Result<OwnedFd, Failure> {
    Ok(descriptor::open(directory, path::O_PATH | path::O_DIRECTORY)?)
}
