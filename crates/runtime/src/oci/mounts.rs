//! What every container has, as mounts of the specification; the same as `sandbox/inside/standard.rs` makes.

use serde_json::{Value, json};

use super::{Bind, Facts};
use crate::spec::{JoinKind, Network, SandboxSpec};

/// docker's size of the tmpfs at /dev.
const DEVICES: [&str; 5] = ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"];
const CLOSED: [&str; 3] = ["nosuid", "nodev", "noexec"];
/// The group tty, where it exists in the container's map.
const TTY_GROUP: u32 = 5;

/// Places where the container sees what is not its own: the host's, or another container's shared memory.
pub fn shared_places(spec: &SandboxSpec) -> Vec<&'static str> {
    let (has_host_network, has_host_ipc) =
        (matches!(spec.network, Network::Host), !spec.namespaces.ipc && !spec.joins(JoinKind::Ipc));
    let places = [
        ("/proc", !spec.namespaces.pid && !spec.joins(JoinKind::Pid)),
        ("/sys", has_host_network),
        // All of the host's /sys has it already.
        ("/sys/fs/cgroup", !spec.namespaces.cgroup && !has_host_network),
        ("/dev/shm", !spec.namespaces.ipc),
        ("/dev/mqueue", has_host_ipc),
    ];
    places.iter().filter(|(_, is_shared)| *is_shared).map(|(place, _)| *place).collect()
}

/// In the order in which they are to be made.
pub(super) fn all(spec: &SandboxSpec, facts: &Facts<'_>) -> Vec<Value> {
    let shared = shared_places(spec);
    let source = |place: &str| facts.binds.iter().find(|bind| bind.target == place);
    let mut list = Vec::new();
    for (place, made) in standard(spec, facts) {
        if shared.contains(&place) {
            list.extend(source(place).map(bind));
        } else {
            list.extend(made);
        }
    }
    list.extend(facts.binds.iter().filter(|bind| !shared.contains(&bind.target.as_str())).map(bind));
    list
}

/// Each place, and what it has of its own; `None`: nothing.
fn standard(spec: &SandboxSpec, facts: &Facts<'_>) -> Vec<(&'static str, Option<Value>)> {
    let access = if spec.sys_writable { "rw" } else { "ro" };
    let closed = |more: &[&str]| CLOSED.iter().chain(more).map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let proc = closed(&["relatime"]).into_iter().chain(spec.proc_options.clone()).collect();
    let memory = closed(&["mode=1777", &format!("size={}", spec.shm_size)]);
    let has_messages = spec.namespaces.ipc || spec.joins(JoinKind::Ipc);
    vec![
        ("/proc", Some(mount("/proc", "proc", proc))),
        ("/dev", Some(mount("/dev", "tmpfs", DEVICES.map(str::to_owned).into()))),
        ("/dev/pts", Some(mount("/dev/pts", "devpts", terminals(spec)))),
        ("/sys", Some(mount("/sys", "sysfs", closed(&["relatime", access])))),
        (
            "/sys/fs/cgroup",
            (facts.has_cgroup && spec.namespaces.cgroup)
                .then(|| mount("/sys/fs/cgroup", "cgroup", closed(&["relatime", access]))),
        ),
        ("/dev/mqueue", has_messages.then(|| mount("/dev/mqueue", "mqueue", closed(&[])))),
        ("/dev/shm", (spec.shm_size > 0).then(|| mount("/dev/shm", "tmpfs", memory))),
    ]
}

fn terminals(spec: &SandboxSpec) -> Vec<String> {
    let map = &spec.user_namespace.container_gid_map;
    let is_mapped =
        map.is_empty() || map.iter().any(|line| (line.inside..line.inside + line.size).contains(&TTY_GROUP));
    let group = is_mapped.then(|| format!("gid={TTY_GROUP}"));
    let fixed = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    fixed.iter().map(|word| (*word).to_owned()).chain(group).collect()
}

fn mount(place: &str, kind: &str, options: Vec<String>) -> Value {
    json!({"destination": place, "type": kind, "source": kind, "options": options})
}

fn bind(bind: &Bind) -> Value {
    let options: Vec<_> = ["rbind"].iter().chain(&bind.options).collect();
    json!({"destination": bind.target, "type": "bind", "source": bind.source, "options": options})
}
