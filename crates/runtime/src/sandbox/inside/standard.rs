//! What every container has: /proc, /sys, /dev with its devices, terminals, shared memory, message queues and the cgroup view.
//! A mount point that the image made a link or a file is replaced by a directory, in the container's own upper only.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::mount::{self, FilesystemContext, NODEV, NOEXEC, NOSUID, RDONLY, RELATIME, STRICTATIME};
use bunker_sys::{SysError, file, path};

use super::device;
use crate::failure::{Failure, FailureCode};
use crate::spec::{JoinKind, Network, SandboxSpec};

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ENOTDIR: i32 = 20;
const EROFS: i32 = 30;
const ELOOP: i32 = 40;

/// What later steps need of these mounts, as descriptors that no path can redirect.
/// A bundle may lack any of them.
#[derive(Default)]
pub(super) struct Standard {
    pub(super) proc: Option<OwnedFd>,
    pub(super) sys: Option<OwnedFd>,
    pub(super) devices: Option<OwnedFd>,
    pub(super) terminals: Option<OwnedFd>,
}

/// Mounts them all on the root.
pub(super) fn mount_all(
    spec: &SandboxSpec,
    root: BorrowedFd<'_>,
    shared_memory: Option<&OwnedFd>,
) -> Result<Standard, Failure> {
    let proc = mount_proc(spec)?;
    write_sysctls(spec, proc.as_fd())?;
    attach(proc.as_fd(), root, "proc")?;
    let sys = mount_sys(spec)?;
    attach(sys.as_fd(), root, "sys")?;
    mount_cgroup(spec, sys.as_fd())?;
    let devices = mount_tmpfs(&Tmpfs::of("755", DEVICES_SIZE), NOSUID | NOEXEC | STRICTATIME)?;
    let terminals = mount_terminals(spec)?;
    attach(devices.as_fd(), root, "dev")?;
    device::fill(devices.as_fd())?;
    attach(terminals.as_fd(), devices.as_fd(), "pts")?;
    mount_messages(spec, devices.as_fd(), shared_memory)?;
    Ok(Standard { proc: Some(proc), sys: Some(sys), devices: Some(devices), terminals: Some(terminals) })
}

/// What processes leave for each other: the container's own, another one's, or the host's.
fn mount_messages(spec: &SandboxSpec, devices: BorrowedFd<'_>, shared: Option<&OwnedFd>) -> Result<(), Failure> {
    let attributes = NOSUID | NODEV | NOEXEC;
    let is_host = !spec.namespaces.ipc && !spec.joins(JoinKind::Ipc);
    if let Some(memory) = shared {
        attach(memory.as_fd(), devices, "shm")?;
    } else if is_host {
        attach(clone_host("/dev/shm", attributes)?.as_fd(), devices, "shm")?;
    } else if spec.shm_size == 0 {
        path::remove_directory_at(devices, b"shm")?;
    } else {
        attach(mount_tmpfs(&Tmpfs::of("1777", spec.shm_size), attributes)?.as_fd(), devices, "shm")?;
    }
    if !is_host {
        attach(FilesystemContext::open("mqueue")?.mount(attributes)?.as_fd(), devices, "mqueue")?;
    } else if std::path::Path::new("/dev/mqueue").is_dir() {
        attach(clone_host("/dev/mqueue", attributes)?.as_fd(), devices, "mqueue")?;
    }
    Ok(())
}

/// docker's size of the tmpfs at /dev.
const DEVICES_SIZE: u64 = 64 * 1024 * 1024;

/// A tmpfs to be made: its top directory's mode and owner (root where not said), its size in bytes (half the memory).
pub(super) struct Tmpfs<'a> {
    pub(super) mode: &'a str,
    pub(super) size: Option<u64>,
    pub(super) owner: [(&'static str, Option<u32>); 2],
}

impl<'a> Tmpfs<'a> {
    pub(super) fn of(mode: &'a str, size: u64) -> Self {
        Self { mode, size: Some(size), owner: [("uid", None), ("gid", None)] }
    }
}

pub(super) fn mount_tmpfs(wanted: &Tmpfs<'_>, attributes: u64) -> Result<OwnedFd, Failure> {
    let context = FilesystemContext::open("tmpfs")?;
    context.set("source", "tmpfs")?;
    context.set("mode", wanted.mode)?;
    if let Some(bytes) = wanted.size {
        context.set("size", &bytes.to_string())?;
    }
    for (key, id) in wanted.owner {
        if let Some(id) = id {
            context.set(key, &id.to_string())?;
        }
    }
    Ok(context.mount(attributes)?)
}

/// A fresh /proc of the container's own processes; the host's, whole, where it shares the host's.
fn mount_proc(spec: &SandboxSpec) -> Result<OwnedFd, Failure> {
    if !spec.namespaces.pid && !spec.joins(JoinKind::Pid) {
        if !spec.proc_options.is_empty() {
            return Err(Failure::new(FailureCode::BadRequest, "the host's /proc takes no options"));
        }
        return clone_host("/proc", NOSUID | NODEV | NOEXEC);
    }
    let mounted = FilesystemContext::open("proc").and_then(|context| {
        for option in &spec.proc_options {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            context.set(key, value)?;
        }
        context.mount(NOSUID | NODEV | NOEXEC | RELATIME)
    });
    match mounted {
        // The kernel gives none where parts of the one that is there are hidden, as in a container. What that one shows is the outer
        // container's, and stays hidden.
        Err(error) if spec.nested && error.errno == EPERM && spec.proc_options.is_empty() => {
            clone_host("/proc", NOSUID | NODEV | NOEXEC)
        }
        other => other.map_err(|error| host_refused("mounting a /proc of its own", &error)),
    }
}

fn mount_sys(spec: &SandboxSpec) -> Result<OwnedFd, Failure> {
    let access = if spec.sys_writable { 0 } else { RDONLY };
    // sysfs shows the network namespace it was mounted in: without one of its own the container may only see the host's.
    if matches!(spec.network, Network::Host) {
        return clone_host("/sys", access | NOSUID | NODEV | NOEXEC);
    }
    let mounted =
        FilesystemContext::open("sysfs").and_then(|context| context.mount(access | NOSUID | NODEV | NOEXEC | RELATIME));
    match mounted {
        Err(error) if spec.nested && error.errno == EPERM => clone_host("/sys", access | NOSUID | NODEV | NOEXEC),
        other => other.map_err(|error| host_refused("mounting a /sys of its own", &error)),
    }
}

fn host_refused(what: &str, error: &SysError) -> Failure {
    let code = if mount::is_refused(error) { FailureCode::HostRefused } else { FailureCode::System };
    Failure::system(code, what, error)
}

/// The host's mount at this path with all that is below it: parts of it alone are refused to ordinary users.
pub(super) fn clone_host(place: &str, attributes: u64) -> Result<OwnedFd, Failure> {
    let opened = file::open(place, path::O_PATH | path::O_DIRECTORY)?;
    let clone = mount::clone_of(opened.as_fd(), true)?;
    mount::set_attributes(clone.as_fd(), attributes, mount::PRIVATE, true)?;
    Ok(clone)
}

/// The container's own branch of the cgroup tree, read-only; none where the host has no cgroup v2 to show.
fn mount_cgroup(spec: &SandboxSpec, sys: BorrowedFd<'_>) -> Result<(), Failure> {
    let access = if spec.sys_writable { 0 } else { RDONLY };
    let attributes = access | NOSUID | NODEV | NOEXEC | RELATIME;
    if !spec.namespaces.cgroup && !spec.joins(JoinKind::Cgroup) {
        // All of the host's /sys has it already.
        return if matches!(spec.network, Network::Host) {
            Ok(())
        } else {
            attach(clone_host("/sys/fs/cgroup", access | NOSUID | NODEV | NOEXEC)?.as_fd(), sys, "fs/cgroup")
        };
    }
    match FilesystemContext::open("cgroup2").and_then(|context| context.mount(attributes)) {
        Ok(mounted) => attach(mounted.as_fd(), sys, "fs/cgroup"),
        Err(_) => Ok(()),
    }
}

fn mount_terminals(spec: &SandboxSpec) -> Result<OwnedFd, Failure> {
    /// The group tty, where it exists in the container's map.
    const TTY_GROUP: u32 = 5;
    let context = FilesystemContext::open("devpts")?;
    context.set("source", "devpts")?;
    context.set_flag("newinstance")?;
    context.set("ptmxmode", "0666")?;
    context.set("mode", "0620")?;
    let map = &spec.user_namespace.container_gid_map;
    if map.is_empty() || map.iter().any(|line| (line.inside..line.inside + line.size).contains(&TTY_GROUP)) {
        context.set("gid", &TTY_GROUP.to_string())?;
    }
    Ok(context.mount(NOSUID | NOEXEC)?)
}

/// Attaches a mount at a directory of a root that is ours to make.
fn attach(mounted: BorrowedFd<'_>, root: BorrowedFd<'_>, name: &str) -> Result<(), Failure> {
    let target = real_directory(root, name)?;
    Ok(mount::attach(mounted, target.as_fd())?)
}

/// The directory itself, never what a link in its place points to (CVE-2019-19921, CVE-2026-41579).
fn real_directory(root: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Failure> {
    let open = || {
        path::open_at2(
            root,
            name.as_bytes(),
            path::O_PATH | path::O_DIRECTORY | path::O_NOFOLLOW,
            path::RESOLVE_NO_SYMLINKS,
        )
    };
    match open() {
        Ok(found) => return Ok(found),
        Err(error) if error.errno == ENOENT => {}
        Err(error) if matches!(error.errno, ENOTDIR | ELOOP) => path::remove_file_at(root, name.as_bytes())?,
        Err(error) => return Err(error.into()),
    }
    path::make_directory_at(root, name.as_bytes(), 0o755)?;
    Ok(open()?)
}

/// Values of the container's own namespaces (sysctl.d(5) names), through the mount itself: nothing can stand in for it. A name is
/// words between dots and nothing else, a value one line (CVE-2022-0811).
pub(super) fn write_sysctls(spec: &SandboxSpec, proc: BorrowedFd<'_>) -> Result<(), Failure> {
    if spec.sysctls.is_empty() {
        return Ok(());
    }
    let root = path::open_at2(proc, b"sys", path::O_PATH | path::O_DIRECTORY, path::RESOLVE_NO_SYMLINKS)?;
    for (name, value) in &spec.sysctls {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        if !name.split('.').all(is_word) || value.contains(['\n', '\0']) {
            let message = format!("\"{}\" is no sysctl, or its value is no line", name.escape_debug());
            return Err(Failure::new(FailureCode::BadRequest, message));
        }
        let place = name.replace('.', "/");
        let resolve = path::RESOLVE_NO_SYMLINKS | path::RESOLVE_IN_ROOT;
        let written = path::open_at2(root.as_fd(), place.as_bytes(), path::O_WRONLY, resolve)
            .and_then(|opened| file::write_all(opened.as_fd(), value.as_bytes()));
        match written {
            // The outer container's /proc.
            Err(error) if error.errno == EROFS && spec.dispensable.contains(name) => {}
            other => other
                .map_err(|error| Failure::system(FailureCode::System, &format!("setting sysctl \"{name}\""), &error))?,
        }
    }
    Ok(())
}
