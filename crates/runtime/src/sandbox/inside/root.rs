//! The container's root: an overlay of its layers, or a directory. Attached over the container's own directory, in this
//! process's private mount namespace, because only an attached mount can be pivoted into.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::mount::{self, FilesystemContext};
use bunker_sys::{SysResult, file as descriptor, path};

use super::host_paths::HostPaths;
use super::open_host_directory;
use super::requested::propagation_of;
use crate::failure::{Failure, FailureCode};
use crate::spec::{RootFilesystem, SandboxSpec};

const EINVAL: i32 = 22;

/// The root, mounted over `place`: a descriptor of its top directory.
/// `served`: what a program shows as that.
pub(super) fn assemble(
    spec: &SandboxSpec,
    place: &OwnedFd,
    (served, hosts): (Option<&OwnedFd>, &HostPaths),
) -> Result<OwnedFd, Failure> {
    if let Some(served) = served {
        mount::attach(served.as_fd(), place.as_fd())?;
        return Ok(descriptor::duplicate(served.as_fd())?);
    }
    let mounted = match &spec.root {
        RootFilesystem::Overlay { lower, upper, work, volatile, .. } => {
            let changes = Some(Changes { upper, work, volatile: *volatile });
            overlay(&Stack { lower, changes, is_first_start: spec.generation == 1 }, place, hosts)?
        }
        RootFilesystem::Directory { path: directory, propagation, .. } => {
            let clone = mount::clone_of(hosts.directory(directory)?.as_fd(), true)?;
            mount::set_attributes(clone.as_fd(), mount::NODEV, propagation_of(propagation)?, true)?;
            mount::attach(clone.as_fd(), place.as_fd())?;
            clone
        }
    };
    Ok(mounted)
}

pub(crate) struct Stack<'a> {
    pub(crate) lower: &'a [String],
    /// `None`: nothing can be written, and there are two layers at least.
    pub(crate) changes: Option<Changes<'a>>,
    pub(crate) is_first_start: bool,
}

pub(crate) struct Changes<'a> {
    pub(crate) upper: &'a str,
    pub(crate) work: &'a str,
    pub(crate) volatile: bool,
}

impl Stack<'_> {
    /// As `overlay` does it: for who mounts it in another way.
    pub(crate) fn inherit_root(&self) -> Result<(), Failure> {
        match (self.lower.first(), &self.changes) {
            (Some(top), Some(changes)) if self.is_first_start => {
                inherit(open_layer(&HostPaths::default(), top)?.as_fd(), open_host_directory(changes.upper)?.as_fd())
            }
            _ => Ok(()),
        }
    }
}

/// Its top directory, mounted over `place`.
pub(super) fn overlay(stack: &Stack<'_>, place: &OwnedFd, hosts: &HostPaths) -> Result<OwnedFd, Failure> {
    let opened = Opened {
        lower: stack.lower.iter().map(|layer| open_layer(hosts, layer)).collect::<Result<_, _>>()?,
        changes: stack.changes.as_ref().map(|changes| OpenedChanges::of(hosts, changes)).transpose()?,
    };
    if stack.is_first_start {
        inherit_root(&opened)?;
    }
    let mounted = match by_descriptor(&opened) {
        Ok(mounted) => mount::attach(mounted.as_fd(), place.as_fd()).map(|()| mounted),
        // Kernels before 6.13 take no descriptors for layers.
        Err(error) if error.errno == EINVAL => by_name(&opened, place.as_fd()),
        Err(error) => Err(error),
    };
    mounted.map_err(|error| {
        let code = if mount::is_refused(&error) { FailureCode::HostRefused } else { FailureCode::System };
        Failure::system(code, "mounting the container's root", &error)
    })
}

fn open_layer(hosts: &HostPaths, layer: &str) -> Result<OwnedFd, Failure> {
    hosts.directory(layer).map_err(|error| Failure::system(FailureCode::System, "opening a layer of the image", &error))
}

struct Opened {
    lower: Vec<OwnedFd>,
    changes: Option<OpenedChanges>,
}

struct OpenedChanges {
    upper: OwnedFd,
    work: OwnedFd,
    volatile: bool,
}

impl OpenedChanges {
    fn of(hosts: &HostPaths, changes: &Changes<'_>) -> Result<Self, Failure> {
        let (upper, work) = (hosts.directory(changes.upper)?, hosts.directory(changes.work)?);
        Ok(Self { upper, work, volatile: changes.volatile })
    }
}

/// The merged root's mode and owner are the upper's: they become those of the topmost layer. Before the first start only:
/// afterwards the container's own changes stand.
fn inherit_root(opened: &Opened) -> Result<(), Failure> {
    let (Some(top), Some(changes)) = (opened.lower.first(), &opened.changes) else { return Ok(()) };
    inherit(top.as_fd(), changes.upper.as_fd())
}

fn inherit(top: BorrowedFd<'_>, upper: BorrowedFd<'_>) -> Result<(), Failure> {
    let wanted = path::status(top)?;
    let upper = path::open_at(upper, b".", path::O_RDONLY | path::O_DIRECTORY, 0)?;
    path::change_owner(upper.as_fd(), (wanted.uid, wanted.gid))?;
    path::change_mode(upper.as_fd(), wanted.permissions())?;
    Ok(())
}

fn by_descriptor(opened: &Opened) -> SysResult<OwnedFd> {
    let context = FilesystemContext::open("overlay")?;
    context.set("source", "overlay")?;
    for layer in &opened.lower {
        context.set_fd("lowerdir+", layer.as_fd())?;
    }
    if let Some(changes) = &opened.changes {
        context.set_fd("upperdir", changes.upper.as_fd())?;
        context.set_fd("workdir", changes.work.as_fd())?;
    }
    // Without it the mount succeeds all the same and opaque directories are silently ignored.
    context.set_flag("userxattr")?;
    if opened.changes.as_ref().is_some_and(|changes| changes.volatile) {
        context.set_flag("volatile")?;
    }
    context.mount(mount::NODEV)
}

/// mount(2) with the layers' short names under /proc/self/fd: its options end at one page.
fn by_name(opened: &Opened, place: BorrowedFd<'_>) -> SysResult<OwnedFd> {
    let lower: Vec<String> = opened.lower.iter().map(|layer| descriptor::path_of(layer.as_fd())).collect();
    let mut options = format!("userxattr,lowerdir={}", lower.join(":"));
    if let Some(changes) = &opened.changes {
        let (upper, work) = (descriptor::path_of(changes.upper.as_fd()), descriptor::path_of(changes.work.as_fd()));
        options.push_str(&format!(",upperdir={upper},workdir={work}"));
        if changes.volatile {
            options.push_str(",volatile");
        }
    }
    mount::mount_over("overlay", place, &options)
}

#[cfg(test)]
#[path = "root_test.rs"]
mod tests;
