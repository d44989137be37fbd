//! The sandbox as data: everything the keeper is told about a container, printable before it is applied.
//! Mirrored by `src/container/sandbox-spec.ts`; a change here changes both and, if it breaks readers, `SPEC_VERSION`.
//! Nothing here reads configuration or the environment: policy was decided before.

mod bundle;
mod network;
mod process;

pub use bundle::{Bundle, CapabilitySets, NamespaceKind, NamespacePath};
pub use network::{Attachment, BridgeNetwork, Network, Prefix, Program, Protocol, PublishedPort, Route, WayOut};
pub use process::{Capabilities, ExecSpec, Process, Rlimit, Seccomp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of `SandboxSpec` and of the keeper's protocol. A keeper refuses a larger one by name.
pub const SPEC_VERSION: u32 = 1;

/// One container, complete: a keeper holding this can make (and remake) its sandbox on its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SandboxSpec {
    pub version: u32,
    /// 64 lower-case hex characters.
    pub id: String,
    /// Counts the starts of this container, from 1; the exit record carries it.
    pub generation: u32,
    /// `containers/<id>` in the data home: upper, work, log, FIFOs, exit record. Absolute.
    pub container_dir: String,
    /// `c/<id>` in the runtime directory: lock, control socket, state.json. Absolute.
    pub runtime_dir: String,
    /// The runtime directory itself: U's lock and hint, other containers' directories under `c/`. Absolute.
    pub user_runtime_dir: String,
    pub user_namespace: UserNamespace,
    pub root: RootFilesystem,
    pub mounts: Vec<Mount>,
    /// Files we own inside (`/etc/hosts`, …): written beside the container's data, bound over the target.
    pub files: Vec<OwnedFile>,
    pub process: Process,
    pub namespaces: Namespaces,
    /// Namespaces of other containers, instead of those above; all of them have the same user namespace, which is joined too.
    #[serde(default)]
    pub joins: Vec<Join>,
    pub network: Network,
    pub hostname: Option<String>,
    pub domainname: Option<String>,
    pub sysctls: BTreeMap<String, String>,
    pub masked_paths: Vec<String>,
    pub readonly_paths: Vec<String>,
    /// `hidepid=2` and the like: options of the container's own /proc.
    pub proc_options: Vec<String>,
    /// /sys and the cgroup tree as the kernel lets the container's root write to them.
    #[serde(default)]
    pub sys_writable: bool,
    /// Bytes of `/dev/shm`; 0: there is none.
    pub shm_size: u64,
    pub log: Log,
    /// The container's own group: a directory to be made in a cgroup v2 tree that the user may write to, or none.
    pub cgroup: Option<String>,
    /// We are in a container ourselves: what its engine hides in /proc and /sys stays hidden.
    #[serde(default)]
    pub nested: bool,
    /// Names of sysctls, and `hostname`: what the container starts without where it is forbidden.
    #[serde(default)]
    pub dispensable: Vec<String>,
    /// The container is removed after it ends: the upper may be `volatile`, nothing needs to survive.
    pub auto_remove: bool,
    /// Seconds after its start the container is killed; never, if absent.
    pub timeout: Option<u32>,
    /// A user whom the container's passwd and group do not know is added to them.
    pub account: Option<Account>,
    /// Lines for the container's passwd, of users it may not know.
    pub host_users: Vec<String>,
    /// The program that makes the container; absent: we do.
    #[serde(default)]
    pub runtime: Option<OciRuntime>,
    /// Made from an OCI bundle, at another engine's word.
    #[serde(default)]
    pub bundle: Option<Bundle>,
}

/// An installed program with the command line that crun and runc have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OciRuntime {
    /// Absolute.
    pub program: String,
    /// Before the verb, as the user gave them.
    pub flags: Vec<String>,
}

/// podman's entries; absent: as podman writes them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Account {
    /// With `$USERNAME`, `$UID`, `$GID`, `$NAME`, `$HOME`.
    pub passwd_entry: Option<String>,
    /// With `$GROUPNAME`, `$GID`, `$USERLIST`.
    pub group_entry: Option<String>,
}

/// One line of an id map: `size` ids from `inside` on are `outside` and the following.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdMapping {
    pub inside: u32,
    pub outside: u32,
    pub size: u32,
}

/// The two levels: how to make the user's namespace U if none is alive, and the container's own under it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserNamespace {
    /// U's map; `outside` are the host's ids.
    pub user_uid_map: Vec<IdMapping>,
    pub user_gid_map: Vec<IdMapping>,
    /// Absolute paths of newuidmap and newgidmap; absent means a map that the process writes itself: of a single id, or of many
    /// if it has the capabilities for that.
    pub newuidmap: Option<String>,
    pub newgidmap: Option<String>,
    /// The container's map under U (`outside` are U's ids; an extent must lie inside one extent of U);
    /// empty: the container lives in U itself.
    pub container_uid_map: Vec<IdMapping>,
    pub container_gid_map: Vec<IdMapping>,
}

impl UserNamespace {
    /// Only one id is there: then the kernel wants setgroups(2) given up.
    #[must_use]
    pub fn is_single(&self) -> bool {
        let count = |map: &[IdMapping]| map.iter().map(|line| u64::from(line.size)).sum::<u64>();
        count(&self.user_uid_map) <= 1 || count(&self.user_gid_map) <= 1
    }

    /// The caller, U's root, is nobody in the container: its root can use nothing that is the caller's.
    #[must_use]
    pub fn hides_caller(&self) -> bool {
        self.callers().is_some_and(|ids| ids.contains(&None))
    }

    /// The caller is not the container's root.
    #[must_use]
    pub fn has_other_root(&self) -> bool {
        self.callers().is_some_and(|ids| ids != [Some(0), Some(0)])
    }

    /// Who the caller is in the container; `None`: that lives in U.
    fn callers(&self) -> Option<[Option<u32>; 2]> {
        let find = |map: &[IdMapping]| map.iter().find(|line| line.outside == 0).map(|line| line.inside);
        (!self.container_uid_map.is_empty()).then(|| [find(&self.container_uid_map), find(&self.container_gid_map)])
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum RootFilesystem {
    /// `lower`: absolute layer directories, the topmost first.
    Overlay {
        lower: Vec<String>,
        upper: String,
        work: String,
        volatile: bool,
        readonly: bool,
        /// Absolute path of the fuse-overlayfs that shows it; absent: the kernel does.
        #[serde(default)]
        program: Option<String>,
    },
    Directory {
        path: String,
        readonly: bool,
        /// As of a bind.
        #[serde(default)]
        propagation: String,
    },
}

/// A mount asked for by flags or by the image, applied in this order after the standard ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Mount {
    /// A host path; opened on the host side before anything of the container runs. nodev and nosuid unless asked.
    Bind {
        source: String,
        target: String,
        readonly: bool,
        recursive: bool,
        propagation: String,
        dev: bool,
        suid: bool,
        exec: bool,
        /// Gives all that is there to the container's user.
        #[serde(default)]
        chown: bool,
    },
    Tmpfs {
        target: String,
        size: Option<u64>,
        mode: Option<u32>,
        readonly: bool,
        exec: bool,
        uid: Option<u32>,
        gid: Option<u32>,
        /// Begins with what the image has there.
        #[serde(default)]
        copy_up: bool,
    },
    /// A volume's `_data`; `copy_up`: fill it once from the image's content at the target if it is empty.
    Volume {
        source: String,
        target: String,
        readonly: bool,
        copy_up: bool,
        /// A file or directory in it; looked up inside it.
        subpath: Option<String>,
        #[serde(default)]
        chown: bool,
    },
    /// A device node of the host's; anything else in its place is refused. What may be done with it is what the user may.
    Device {
        source: String,
        target: String,
        /// Major and minor, where it has to be that one.
        #[serde(default)]
        number: Option<(u32, u32)>,
    },
    /// A new file system of the kernel's.
    Filesystem {
        /// `proc`, `sysfs`, `tmpfs`, `devpts`, `mqueue` or `cgroup2`.
        fstype: String,
        target: String,
        /// mount(8)'s words for what is the mount's own: `nosuid`, `ro`.
        attributes: Vec<String>,
        /// `key=value` or `key`, for the file system.
        options: Vec<String>,
        /// Begins with what the image has there.
        copy_up: bool,
    },
    /// Another image: its layers, the topmost first, put together at `place`, a directory of ours with `upper` (empty before the
    /// first start) and `work` in it; or `root`, a copy of them.
    Image {
        lower: Vec<String>,
        place: String,
        #[serde(default)]
        root: Option<String>,
        target: String,
        readonly: bool,
        subpath: Option<String>,
    },
}

impl Mount {
    pub fn target(&self) -> &str {
        let (Self::Bind { target, .. }
        | Self::Tmpfs { target, .. }
        | Self::Volume { target, .. }
        | Self::Device { target, .. }
        | Self::Filesystem { target, .. }
        | Self::Image { target, .. }) = self;
        target
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnedFile {
    /// File name in `container_dir`.
    pub name: String,
    pub target: String,
    /// Written at each start.
    pub content: String,
    /// But not if the container has changed the file meanwhile.
    pub keeps_changes: bool,
    /// What the image has there comes before it.
    pub after_image: bool,
    pub mode: u32,
    pub readonly: bool,
}

/// `true`: the container's own; `false`: the host's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Namespaces {
    pub pid: bool,
    pub ipc: bool,
    pub uts: bool,
    pub cgroup: bool,
    pub time: bool,
}

/// One namespace of a running container's first process. Of a container that is adopted only the kind means anything.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Join {
    pub kind: JoinKind,
    pub pid: i32,
    /// Clock ticks after boot (proc_pid_stat(5), field 22).
    pub start_time: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JoinKind {
    Pid,
    Ipc,
    Uts,
    Network,
    Cgroup,
    /// The user namespace alone, which comes with each of the others.
    User,
}

impl SandboxSpec {
    pub fn joins(&self, kind: JoinKind) -> bool {
        self.joins.iter().any(|join| join.kind == kind)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Log {
    None,
    /// CRI lines in `container_dir/log`, rotated to `log.1`, `log.2`, … at `max_size` bytes.
    File {
        max_size: u64,
        max_files: u32,
    },
}
