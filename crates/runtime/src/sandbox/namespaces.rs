//! A container's namespaces, held open by whoever has to enter them later.

use std::os::fd::OwnedFd;

use bunker_sys::{file, namespace, path};

use crate::failure::Failure;

/// Namespaces of a container, held open.
pub struct OpenNamespaces {
    pub user: OwnedFd,
    pub network: OwnedFd,
    pub mount: OwnedFd,
}

impl OpenNamespaces {
    pub(super) fn of(pid: i32) -> Result<Self, Failure> {
        let open = |name| namespace::open(pid, name);
        Ok(Self { user: open("user")?, network: open("net")?, mount: open("mnt")? })
    }

    pub(super) fn own() -> Result<Self, Failure> {
        let open = |name| file::open(&format!("/proc/self/ns/{name}"), path::O_RDONLY);
        Ok(Self { user: open("user")?, network: open("net")?, mount: open("mnt")? })
    }

    /// As they come in a report.
    pub(super) fn from_list(list: Vec<OwnedFd>) -> Option<Self> {
        let [user, network, mount] = <[OwnedFd; 3]>::try_from(list).ok()?;
        Some(Self { user, network, mount })
    }
}
