//! Mounts that flags or the image's volumes ask for. Sources are the host user's own words; targets are looked up inside the root.
//! Where a target really leads is judged by its descriptor, after all links: never over the root itself, nor into /proc, but for
//! the few files there that tools like lxcfs are known to replace.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{SysError, SysResult, credential, mount, path};

use super::device;
use super::host_paths::HostPaths;
use super::image::{self, Image};
use super::listed;
use super::standard::{Tmpfs, mount_tmpfs};
use super::volume;
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::spec::{Mount, SandboxSpec};
use crate::tree;

/// A mount that only waits for its place.
pub(super) struct Source<'a> {
    pub(super) wanted: &'a Mount,
    /// Detached; with the attributes asked for.
    pub(super) mounted: OwnedFd,
    /// What it shows, as it is outside; `None`: something new.
    opened: Option<OwnedFd>,
    pub(super) is_directory: bool,
}

impl<'a> Source<'a> {
    fn of_existing(wanted: &'a Mount, mounted: OwnedFd, opened: OwnedFd) -> Result<Self, Failure> {
        let is_directory = path::status(opened.as_fd())?.is_directory();
        Ok(Self { wanted, mounted, opened: Some(opened), is_directory })
    }
}

/// Takes hold of all sources, before the root is attached anywhere: a bind of the user's home must not show the root too.
pub(super) fn open_sources<'a>(spec: &'a SandboxSpec, hosts: &HostPaths) -> Result<Vec<Source<'a>>, Failure> {
    allow_descriptors(spec.mounts.len())?;
    spec.mounts.iter().map(|wanted| open_source(wanted, spec, hosts)).collect()
}

/// Each waits as a descriptor. The container's own limit is set later, whatever it was until then.
fn allow_descriptors(count: usize) -> SysResult<()> {
    const RLIMIT_NOFILE: i32 = 7;
    /// What else is open meanwhile, layers of an image included.
    const OTHERS: u64 = 1024;
    let (soft, hard) = credential::limit(RLIMIT_NOFILE)?;
    let wanted = (count as u64 + OTHERS).min(hard);
    if wanted > soft { credential::set_limit(RLIMIT_NOFILE, wanted, hard) } else { Ok(()) }
}

fn open_source<'a>(wanted: &'a Mount, spec: &SandboxSpec, hosts: &HostPaths) -> Result<Source<'a>, Failure> {
    match wanted {
        Mount::Bind { source, readonly, recursive, propagation, dev, suid, exec, .. } => {
            let refused =
                |error: &SysError| Failure::system(FailureCode::BadPath, &format!("binding \"{source}\""), error);
            let opened = hosts.open(source).map_err(|error| refused(&error))?;
            let mounted = mount::clone_of(opened.as_fd(), *recursive).map_err(|error| refused(&error))?;
            let attributes = flag(*readonly, mount::RDONLY)
                | flag(!dev, mount::NODEV)
                | flag(!suid, mount::NOSUID)
                | flag(!exec, mount::NOEXEC);
            mount::set_attributes(mounted.as_fd(), attributes, propagation_of(propagation)?, *recursive)?;
            Source::of_existing(wanted, mounted, opened)
        }
        Mount::Tmpfs { size, mode, exec, uid, gid, .. } => {
            let attributes = mount::NOSUID | mount::NODEV | flag(!exec, mount::NOEXEC);
            // docker's --tmpfs is world-writable and sticky.
            let mode = format!("{:o}", mode.unwrap_or(0o1777));
            let owner = [("uid", *uid), ("gid", *gid)];
            let mounted = mount_tmpfs(&Tmpfs { mode: &mode, size: *size, owner }, attributes)?;
            Ok(Source { wanted, mounted, opened: None, is_directory: true })
        }
        Mount::Volume { source, subpath, .. } => {
            let whole = hosts.directory(source)?;
            let opened = image::open_subpath(whole, subpath.as_deref())?;
            let mounted = mount::clone_of(opened.as_fd(), false)?;
            mount::set_attributes(mounted.as_fd(), mount::NODEV | mount::NOSUID, mount::PRIVATE, false)?;
            Source::of_existing(wanted, mounted, opened)
        }
        Mount::Device { source, number, .. } => {
            let (mounted, opened) = device::open_asked_for(source)?;
            if let Some((major, minor)) = number
                && path::status(opened.as_fd())?.node != path::device_number(*major, *minor)
            {
                let message = format!("adding device \"{source}\": the host's is not {major}:{minor}");
                return Err(Failure::new(FailureCode::BadPath, message));
            }
            Source::of_existing(wanted, mounted, opened)
        }
        Mount::Filesystem { .. } => {
            Ok(Source { wanted, mounted: listed::open_filesystem(wanted, spec)?, opened: None, is_directory: true })
        }
        Mount::Image { lower, place, root, readonly, subpath, .. } => {
            let (readonly, subpath, is_first_start) = (*readonly, subpath.as_deref(), spec.generation == 1);
            let root = root.as_deref();
            let (mounted, opened) =
                image::open(&Image { lower, place, root, readonly, subpath, is_first_start }, hosts)?;
            let attributes = mount::NODEV | mount::NOSUID | flag(readonly, mount::RDONLY);
            mount::set_attributes(mounted.as_fd(), attributes, mount::PRIVATE, false)?;
            Source::of_existing(wanted, mounted, opened)
        }
    }
}

/// Where the image has what the volumes begin with, in their order: for somebody who may write into those.
pub(super) fn filled_places(sources: &[Source<'_>], root: BorrowedFd<'_>) -> Result<Vec<OwnedFd>, Failure> {
    let places = sources.iter().filter_map(|source| match source.wanted {
        Mount::Volume { copy_up: true, target, .. } => Some(volume::image_place(root, target)),
        _ => None,
    });
    places.collect()
}

/// Puts them in their places, in the order of the spec, which is from the root down.
pub(super) fn attach_all(
    sources: &[Source<'_>],
    root: BorrowedFd<'_>,
    proc: Option<BorrowedFd<'_>>,
    hides_caller: bool,
) -> Result<(), Failure> {
    // While the root shows the image alone: a volume below another one starts with what the image has there.
    fill_all(sources, root, hides_caller)?;
    sources.iter().try_for_each(|source| attach(source, root, proc))
}

/// Puts one in its place.
pub(super) fn attach(source: &Source<'_>, root: BorrowedFd<'_>, proc: Option<BorrowedFd<'_>>) -> Result<(), Failure> {
    let target = source.wanted.target();
    let point = if source.is_directory { target_directory(root, target)? } else { target_file(root, target)? };
    let is_asked_for = matches!(source.wanted, Mount::Bind { .. });
    let over_kernels = match proc {
        Some(proc) if is_asked_for => is_replaceable(proc, point.as_fd())?,
        _ => false,
    };
    if !over_kernels {
        ensure_mountable(root, point.as_fd(), target)?;
    }
    Ok(mount::attach(source.mounted.as_fd(), point.as_fd())?)
}

/// What begins with the image's content gets it; then nothing more is written that is not to be.
pub(super) fn fill_all(sources: &[Source<'_>], root: BorrowedFd<'_>, hides_caller: bool) -> Result<(), Failure> {
    for source in sources {
        match source.wanted {
            Mount::Volume { source: data, readonly, copy_up, target, .. } => {
                if !hides_caller {
                    volume::finish(data, target)?;
                    if *copy_up {
                        volume::fill(data, root, target)?;
                    }
                }
                // Only now: filling needs to write.
                mount::set_attributes(source.mounted.as_fd(), flag(*readonly, mount::RDONLY), 0, false)?;
            }
            Mount::Tmpfs { target, readonly, copy_up, .. } => {
                if *copy_up {
                    volume::copy_into(source.mounted.as_fd(), root, target)?;
                }
                mount::set_attributes(source.mounted.as_fd(), flag(*readonly, mount::RDONLY), 0, false)?;
            }
            Mount::Bind { .. } | Mount::Device { .. } | Mount::Filesystem { .. } | Mount::Image { .. } => {}
        }
    }
    Ok(())
}

/// What is to become the user's.
pub(super) fn given<'a>(sources: &'a [Source<'_>]) -> Vec<BorrowedFd<'a>> {
    let is_given =
        |wanted: &Mount| matches!(wanted, Mount::Bind { chown: true, .. } | Mount::Volume { chown: true, .. });
    let opened = sources.iter().filter(|source| is_given(source.wanted)).filter_map(|source| source.opened.as_ref());
    opened.map(AsFd::as_fd).collect()
}

/// podman's U: what is mounted becomes the container's user's, outside too. Not before it is known who that is.
pub(super) fn give_all(sources: &[Source<'_>], owner: (u32, u32)) -> Result<(), Failure> {
    for source in sources {
        if let (Mount::Bind { chown: true, .. } | Mount::Volume { chown: true, .. }, Some(opened)) =
            (source.wanted, &source.opened)
        {
            tree::give(opened.as_fd(), owner).map_err(|error| {
                let what = format!("changing the owner of what is mounted at \"{}\"", source.wanted.target());
                Failure::system(FailureCode::BadPath, &what, &error)
            })?;
        }
    }
    Ok(())
}

pub(super) fn flag(set: bool, attribute: u64) -> u64 {
    if set { attribute } else { 0 }
}

/// docker's words; the recursive forms differ only in how far the clone reached.
pub(super) fn propagation_of(word: &str) -> Result<u64, Failure> {
    match word {
        "" | "private" | "rprivate" => Ok(mount::PRIVATE),
        "slave" | "rslave" => Ok(mount::SLAVE),
        "shared" | "rshared" => Ok(mount::SHARED),
        other => Err(Failure::new(FailureCode::BadRequest, format!("unknown propagation \"{other}\""))),
    }
}

/// PROC_SUPER_MAGIC (statfs(2)).
const PROC: i64 = 0x9fa0;

/// A mount over the root would hide every mask, one in /proc could pass for the kernel's own word (CVE-2019-16884,
/// CVE-2023-27561).
pub(super) fn ensure_mountable(root: BorrowedFd<'_>, point: BorrowedFd<'_>, target: &str) -> Result<(), Failure> {
    let refuse = |reason: &str| {
        Failure::new(FailureCode::BadPath, format!("\"{target}\" leads {reason}: nothing can be mounted there"))
    };
    let (top, found) = (path::status(root)?, path::status(point)?);
    if (top.device, top.inode) == (found.device, found.inode) {
        return Err(refuse("to the container's root"));
    }
    if mount::filesystem_type(point)? == PROC {
        return Err(refuse("into the container's /proc"));
    }
    Ok(())
}

/// What runc lets flags (never images) put another file over.
pub(super) const REPLACEABLE: [&str; 9] =
    ["cpuinfo", "diskstats", "loadavg", "meminfo", "slabinfo", "stat", "swaps", "uptime", "sys/crypto/fips_enabled"];

fn is_replaceable(proc: BorrowedFd<'_>, point: BorrowedFd<'_>) -> Result<bool, Failure> {
    let found = path::status(point)?;
    let is_it = |name: &&str| {
        let flags = path::O_PATH | path::O_NOFOLLOW;
        let known = path::open_at2(proc, name.as_bytes(), flags, path::RESOLVE_NO_SYMLINKS);
        let status = known.and_then(|file| path::status(file.as_fd()));
        status.is_ok_and(|status| (status.device, status.inode) == (found.device, found.inode))
    };
    Ok(found.is_regular() && mount::filesystem_type(point)? == PROC && REPLACEABLE.iter().any(is_it))
}

pub(super) fn target_directory(root: BorrowedFd<'_>, target: &str) -> Result<OwnedFd, Failure> {
    inroot::make_directories(root, target.as_bytes(), 0o755).map_err(|error| bad_target(target, &error))
}

pub(super) fn target_file(root: BorrowedFd<'_>, target: &str) -> Result<OwnedFd, Failure> {
    inroot::make_file(root, target.as_bytes(), 0o644).map_err(|error| bad_target(target, &error))
}

fn bad_target(target: &str, error: &SysError) -> Failure {
    Failure::system(FailureCode::BadPath, &format!("making the mount point \"{target}\" in the container"), error)
}
