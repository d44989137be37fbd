//! What a container leaves behind in a pid namespace that is not its own: nobody there ends with its first process.

use std::os::fd::{AsFd, BorrowedFd};

use bunker_sys::{file, namespace, process};

const SIGKILL: i32 = 9;
/// A process that is being made while we look has a parent that we end as well.
const ROUNDS: u32 = 50;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(2);

/// Ends everything in the container's group, or in its mount namespace, and waits a moment for it to be gone.
pub fn end_all(group: Option<&str>, mount_namespace: Option<BorrowedFd<'_>>) {
    let wanted = mount_namespace.and_then(|open| namespace::identity(open).ok());
    for _ in 0..ROUNDS {
        let grouped = group.is_some_and(kill_group);
        let found = wanted.is_some_and(kill_members);
        if !grouped && !found {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether there was anybody (cgroups(7), cgroup.events).
fn kill_group(place: &str) -> bool {
    let events = std::fs::read_to_string(format!("{place}/cgroup.events")).unwrap_or_default();
    events.contains("populated 1") && file::write_value(&format!("{place}/cgroup.kill"), "1").is_ok()
}

/// Of a namespace that nobody but this container has.
fn kill_members(wanted: u64) -> bool {
    let mut found = false;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(pidfd) = process::open_pidfd(pid) else { continue };
        let Ok(open) = namespace::open(pid, "mnt") else { continue };
        if namespace::identity(open.as_fd()).ok() == Some(wanted) {
            found |= process::signal(pidfd.as_fd(), SIGKILL).is_ok();
        }
    }
    found
}
