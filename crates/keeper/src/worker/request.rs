//! What a worker can be asked. Paths are absolute.

use bunker_runtime::layer::Limits;
use bunker_runtime::spec::{SandboxSpec, UserNamespace};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub version: u32,
    pub user_namespace: UserNamespace,
    pub user_runtime_dir: String,
    /// The files belong to the ids of the container's map, not of U's.
    #[serde(default)]
    pub mapped: bool,
    #[serde(flatten)]
    pub job: Job,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Job {
    /// Descriptors: the blob, and an eventfd that counts what is appended to it.
    Unpack {
        digest: String,
        size: u64,
        /// `None`: not known beforehand, only told.
        diff_id: Option<String>,
        /// What the media type says. The bytes say it too, and count.
        #[allow(dead_code)]
        compression: Compression,
        /// An empty directory in staging.
        target: String,
        /// Made by the worker.
        manifest: String,
        #[serde(default)]
        limits: Limits,
    },
    Link {
        /// The layer's diff id, for messages.
        #[serde(default)]
        digest: String,
        target: String,
        manifest: String,
        /// Roots of the layers below, the topmost first.
        parents: Vec<String>,
    },
    Fix {
        /// Bottom first.
        layers: Vec<LayerPaths>,
        /// An empty directory in staging.
        target: String,
    },
    Remove {
        directory: String,
        /// Single components.
        names: Vec<String>,
    },
    Measure {
        paths: Vec<String>,
    },
    /// Layers become one tree.
    Flatten {
        /// An empty directory.
        target: String,
        /// Bottom first.
        layers: Vec<String>,
        /// The topmost one has fuse-overlayfs' marks.
        #[serde(default)]
        marked: bool,
    },
    /// What a container changed.
    Changes {
        /// Its upper directory, or its whole root.
        own: String,
        /// What it began with, the topmost first.
        layers: Vec<String>,
        complete: bool,
    },
    /// Whether overlay can be mounted, tried in an empty directory.
    TryOverlay {
        directory: String,
        /// With this fuse-overlayfs; absent: by the kernel.
        program: Option<String>,
    },
    /// Descriptor: where the archive goes. Answers twice: what is there, and after a `CopyOutOrder` what came of it.
    CopyOut(CopyOut),
    /// Descriptor: where the archive comes from. Answers twice as well.
    CopyIn(CopyIn),
    /// Both at once, in one container. Answers twice too.
    CopyWithin(CopyWithin),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyOut {
    pub side: Side,
    /// Absolute on its side, clean.
    pub path: String,
    /// A link there is followed.
    pub follow: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyIn {
    pub side: Side,
    /// Absolute on its side, clean.
    pub path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyWithin {
    pub side: Side,
    /// Absolute, clean; a link at `from` is followed if wanted.
    pub from: String,
    pub to: String,
    pub follow: bool,
}

/// Whose files.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Side {
    Host,
    /// A container that runs, by its first process.
    Running {
        pid: i32,
        start_time: u64,
        /// Its root alone, without what is mounted into it.
        #[serde(default)]
        bare: bool,
    },
    /// One that does not: the client holds its lock.
    Resting {
        spec: Box<SandboxSpec>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyOutOrder {
    pub name: String,
    pub as_root: bool,
}

#[derive(Deserialize)]
pub struct CopyWithinOrder {
    pub source: CopyOutOrder,
    pub destination: CopyInOrder,
}

/// See `bunker_runtime::copy::Placing`.
#[derive(Deserialize)]
#[serde(tag = "placing", rename_all = "camelCase")]
pub enum Placed {
    Contents,
    Named { name: String },
    Replace,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyInOrder {
    #[serde(flatten)]
    pub placing: Placed,
    pub keep_owners: bool,
    pub overwrite: bool,
    /// Links in the names of entries are followed: for archives that others made.
    pub follow: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    Gzip,
    Zstd,
    None,
}

#[derive(Deserialize)]
pub struct LayerPaths {
    pub root: String,
    pub manifest: String,
}
