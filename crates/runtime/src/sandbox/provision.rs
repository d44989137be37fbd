//! The keeper's part in a sandbox whose root cannot reach what is the caller's, because the caller is nobody there: it gives the container
//! what it begins with, before and while it is built. Runs in U, which knows all ids; owners outside are what they are inside.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{SysResult, file, path};

use super::inside;
use super::report::Report;
use crate::failure::{Failure, FailureCode};
use crate::layer::Owners;
use crate::spec::{Mount, OwnedFile, RootFilesystem, SandboxSpec};
use crate::tree;

/// What the container's root passes through to reach files we own in there; all above it is the caller's alone.
const PASSABLE: u32 = 0o711;

/// What of a container's spec it takes.
pub(super) struct Provision {
    owners: Owners,
    container_dir: String,
    files: Vec<OwnedFile>,
    /// Data, target, and whether the image fills it.
    volumes: Vec<(String, String, bool)>,
}

impl Provision {
    /// `None`: the container's root reaches everything itself.
    pub(super) fn of(spec: &SandboxSpec) -> Option<Self> {
        let volumes = spec.mounts.iter().filter_map(|mount| match mount {
            Mount::Volume { source, target, copy_up, .. } => Some((source.clone(), target.clone(), *copy_up)),
            _ => None,
        });
        spec.user_namespace.hides_caller().then(|| Self {
            owners: Owners::of(&spec.user_namespace),
            container_dir: spec.container_dir.clone(),
            files: spec.files.clone(),
            volumes: volumes.collect(),
        })
    }

    /// What an overlay writes to becomes the container's root's, unless it is already.
    pub(super) fn begin(&self, spec: &SandboxSpec) -> Result<(), Failure> {
        let directory = open_directory(&self.container_dir)?;
        path::change_mode(directory.as_fd(), PASSABLE)?;
        match &spec.root {
            RootFilesystem::Overlay { upper, work, .. } => self.give_own([upper, work])?,
            // A copy of the image's layers; a directory of the user's stays his.
            RootFilesystem::Directory { path, .. } if path.starts_with(&spec.container_dir) => self.give_own([path])?,
            RootFilesystem::Directory { .. } => {}
        }
        for mount in &spec.mounts {
            if let Mount::Image { place, .. } = mount {
                self.give_own(changes_of(place).each_ref())?;
            }
        }
        Ok(())
    }

    fn give_own<const COUNT: usize>(&self, directories: [&String; COUNT]) -> Result<(), Failure> {
        for name in directories {
            let directory = open_directory(name)?;
            let found = path::status(directory.as_fd())?;
            if (found.uid, found.gid) == (0, 0) {
                path::change_owner(directory.as_fd(), self.owners.outside((0, 0)))?;
            }
        }
        Ok(())
    }

    /// Answers what the container's process asks for. `false`: it was another report.
    pub(super) fn answer(&self, report: &Report, fds: &[OwnedFd]) -> Result<bool, Failure> {
        match report {
            Report::Rooted => self.furnish(fds)?,
            Report::Identified { uid, gid, streams } => {
                self.give((*uid, *gid), fds.split_at_checked(*streams).ok_or_else(torn)?)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Files of ours, and volumes that begin with what the image has.
    fn furnish(&self, fds: &[OwnedFd]) -> Result<(), Failure> {
        let (root, places) = fds.split_first().ok_or_else(torn)?;
        let directory = open_directory(&self.container_dir)?;
        inside::write_all(&self.files, directory.as_fd(), root.as_fd())?;
        for owned in &self.files {
            path::change_owner_at(directory.as_fd(), owned.name.as_bytes(), self.owners.outside((0, 0)))?;
        }
        let mut places = places.iter();
        for (data, target, copy_up) in &self.volumes {
            inside::finish(data, target)?;
            if *copy_up {
                let place = places.next().ok_or_else(torn)?;
                inside::fill_from(data, target, root.as_fd(), place.as_fd())?;
            }
        }
        Ok(())
    }

    fn give(&self, owner: (u32, u32), (streams, trees): (&[OwnedFd], &[OwnedFd])) -> Result<(), Failure> {
        let owner = self.owners.outside(owner);
        for stream in streams {
            give_stream(stream.as_fd(), owner)?;
        }
        for tree in trees {
            tree::give(tree.as_fd(), owner).map_err(|error| {
                Failure::system(FailureCode::BadPath, "changing the owner of what is mounted", &error)
            })?;
        }
        Ok(())
    }
}

fn give_stream(stream: BorrowedFd<'_>, owner: (u32, u32)) -> SysResult<()> {
    if path::status(stream)?.kind() == path::S_IFIFO { path::change_owner(stream, owner) } else { Ok(()) }
}

/// Upper and work of an image that is mounted, which lie below its place.
pub(super) fn changes_of(place: &str) -> [String; 2] {
    [format!("{place}/upper"), format!("{place}/work")]
}

fn open_directory(name: &str) -> SysResult<OwnedFd> {
    file::open(name, path::O_RDONLY | path::O_DIRECTORY)
}

fn torn() -> Failure {
    Failure::new(FailureCode::System, "a report of the sandbox lacks descriptors")
}
