//! The mounts of an OCI bundle: nothing but what it lists, in its order, each target looked up in what the ones before it made.
//! What later steps need of them is found by where it was put.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::mount::{self, FilesystemContext};
use bunker_sys::{SysError, file, path};

use super::requested::{self, Source, flag, target_directory};
use super::standard::{Standard, clone_host, write_sysctls};
use super::{device, volume};
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::spec::{Mount, Network, SandboxSpec};

const EPERM: i32 = 1;

/// What of mount(2)'s can be had without being asked for by name.
const KINDS: [&str; 6] = ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2"];

/// Our mounts are nobody else's from here on, theirs still reach us: where the caller's mount namespace belongs to the same user
/// namespace, the kernel made the copy its peer.
pub(super) fn stand_apart() -> Result<(), Failure> {
    let root = file::open("/", path::O_PATH | path::O_DIRECTORY)?;
    Ok(mount::set_attributes(root.as_fd(), 0, mount::SLAVE, true)?)
}

/// A detached mount of a new file system.
pub(super) fn open_filesystem(wanted: &Mount, spec: &SandboxSpec) -> Result<OwnedFd, Failure> {
    let Mount::Filesystem { fstype, attributes, options, .. } = wanted else {
        return Err(Failure::new(FailureCode::BadRequest, "not a file system"));
    };
    let Some(kind) = KINDS.iter().find(|kind| *kind == fstype) else {
        return Err(Failure::new(FailureCode::BadRequest, format!("unknown file system \"{fstype}\"")));
    };
    // Read-only comes last, when mount points in it have been made.
    let bits = attribute_bits(attributes)?;
    let mounted = configure(kind, options).and_then(|context| context.mount(bits));
    let place = match *kind {
        // The network namespace is one that was joined, and belongs to a user namespace above.
        "sysfs" if !matches!(spec.network, Network::None) => "/sys",
        "cgroup2" => "/sys/fs/cgroup",
        _ => "",
    };
    match mounted {
        Err(error) if !place.is_empty() && mount::is_refused(&error) => clone_host(place, bits | mount::RDONLY),
        Err(error) if spec.nested && error.errno == EPERM && *kind == "proc" && options.is_empty() => {
            clone_host("/proc", bits)
        }
        other => other.map_err(|error| explain(wanted.target(), &error)),
    }
}

fn configure(kind: &'static str, options: &[String]) -> Result<FilesystemContext, SysError> {
    let context = FilesystemContext::open(kind)?;
    if kind == "tmpfs" {
        context.set("source", kind)?;
    }
    for option in options {
        match option.split_once('=') {
            Some((key, value)) => context.set(key, value)?,
            None => context.set_flag(option)?,
        }
    }
    Ok(context)
}

fn explain(target: &str, error: &SysError) -> Failure {
    let code = if mount::is_refused(error) { FailureCode::HostRefused } else { FailureCode::System };
    Failure::system(code, &format!("mounting \"{target}\""), error)
}

fn attribute_bits(words: &[String]) -> Result<u64, Failure> {
    words.iter().try_fold(0, |bits, word| {
        Ok(bits
            | match word.as_str() {
                "ro" => 0,
                "nosuid" => mount::NOSUID,
                "nodev" => mount::NODEV,
                "noexec" => mount::NOEXEC,
                "noatime" => mount::NOATIME,
                "nodiratime" => mount::NODIRATIME,
                "relatime" => mount::RELATIME,
                "strictatime" => mount::STRICTATIME,
                other => {
                    return Err(Failure::new(FailureCode::BadRequest, format!("unknown mount option \"{other}\"")));
                }
            })
    })
}

/// Puts them all in their places.
pub(super) fn mount_all(spec: &SandboxSpec, root: BorrowedFd<'_>, sources: &[Source<'_>]) -> Result<Standard, Failure> {
    let mut standard = Standard::default();
    for source in sources {
        if let Mount::Filesystem { fstype, target, copy_up, .. } = source.wanted {
            // What is not there has nothing to begin with: made for the mount, it would lend that its mode.
            if *copy_up && inroot::open(root, target.as_bytes(), path::O_PATH | path::O_DIRECTORY).is_ok() {
                volume::copy_into(source.mounted.as_fd(), root, target)?;
            }
            if matches!(fstype.as_str(), "proc" | "sysfs") {
                ensure_plain(root, target)?;
            }
        }
        requested::attach(source, root, standard.proc.as_ref().map(AsFd::as_fd))?;
        let slot = match source.wanted.target() {
            "/proc" => &mut standard.proc,
            "/sys" => &mut standard.sys,
            "/dev" => &mut standard.devices,
            "/dev/pts" => &mut standard.terminals,
            _ => continue,
        };
        *slot = Some(file::duplicate(source.mounted.as_fd())?);
        match source.wanted {
            Mount::Filesystem { fstype, target, .. } if fstype == "tmpfs" && target == "/dev" => {
                device::fill(source.mounted.as_fd())?;
            }
            Mount::Filesystem { fstype, .. } if fstype == "proc" => write_sysctls(spec, source.mounted.as_fd())?,
            _ => {}
        }
    }
    for source in sources {
        if let Mount::Filesystem { attributes, .. } = source.wanted {
            let is_readonly = attributes.iter().any(|word| word == "ro");
            mount::set_attributes(source.mounted.as_fd(), flag(is_readonly, mount::RDONLY), 0, false)?;
        }
    }
    Ok(standard)
}

/// What a link leads elsewhere must not pass for the kernel's own word (CVE-2019-19921).
fn ensure_plain(root: BorrowedFd<'_>, target: &str) -> Result<(), Failure> {
    target_directory(root, target)?;
    let flags = path::O_PATH | path::O_DIRECTORY | path::O_NOFOLLOW;
    let name = target.trim_start_matches('/');
    path::open_at2(root, name.as_bytes(), flags, path::RESOLVE_NO_SYMLINKS | path::RESOLVE_IN_ROOT).map(drop).map_err(
        |error| Failure::system(FailureCode::BadPath, &format!("\"{target}\" is no directory of its own"), &error),
    )
}
