//! Paths of the host's that a sandbox is made of, opened while the process still is the caller: once it is the root of a container in
//! which the caller is nobody, the caller's directories are closed to it. In this mount namespace, for only its mounts can be cloned.

use std::os::fd::{AsFd, OwnedFd};

use bunker_sys::{SysResult, file, path};

use super::super::provision;
use crate::spec::{Mount, RootFilesystem, SandboxSpec};

/// Empty where the root may open them itself.
#[derive(Default)]
pub(super) struct HostPaths {
    opened: Vec<(String, OwnedFd)>,
}

impl HostPaths {
    pub(super) fn of(spec: &SandboxSpec) -> Self {
        if !spec.user_namespace.hides_caller() {
            return Self::default();
        }
        // What cannot be opened now cannot be later: it is told then, by who knows what it is for.
        let open = |name: String| file::open(&name, path::O_PATH).ok().map(|opened| (name, opened));
        Self { opened: paths_of(spec).into_iter().filter_map(open).collect() }
    }

    /// As a path without rights of its own (`O_PATH`).
    pub(super) fn open(&self, name: &str) -> SysResult<OwnedFd> {
        match self.opened.iter().find(|(path, _)| path == name) {
            Some((_, opened)) => file::duplicate(opened.as_fd()),
            None => file::open(name, path::O_PATH),
        }
    }

    /// The same, of a directory.
    pub(super) fn directory(&self, name: &str) -> SysResult<OwnedFd> {
        match self.opened.iter().find(|(path, _)| path == name) {
            Some((_, opened)) => file::duplicate(opened.as_fd()),
            None => file::open(name, path::O_PATH | path::O_DIRECTORY),
        }
    }
}

fn paths_of(spec: &SandboxSpec) -> Vec<String> {
    let mut paths = vec![spec.container_dir.clone()];
    match &spec.root {
        RootFilesystem::Overlay { lower, upper, work, .. } => {
            paths.extend(lower.iter().chain([upper, work]).cloned());
        }
        RootFilesystem::Directory { path, .. } => paths.push(path.clone()),
    }
    for mount in &spec.mounts {
        match mount {
            Mount::Bind { source, .. } | Mount::Volume { source, .. } | Mount::Device { source, .. } => {
                paths.push(source.clone());
            }
            Mount::Image { lower, place, .. } => {
                paths.extend(lower.iter().cloned().chain([place.clone()]).chain(provision::changes_of(place)));
            }
            Mount::Tmpfs { .. } | Mount::Filesystem { .. } => {}
        }
    }
    paths
}
