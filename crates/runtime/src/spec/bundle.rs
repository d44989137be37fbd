//! What only the containers of OCI bundles have.

use serde::{Deserialize, Serialize};

/// What is different with an OCI bundle: U is the namespace of whoever calls, who maps the container's own under it as he may;
/// nothing is mounted but what `mounts` lists, in that order, and what is at /dev gets the customary devices if it is a new tmpfs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// Joined instead of being made.
    pub joins: Vec<NamespacePath>,
}

/// A namespace by its file: `/proc/<pid>/ns/net`, or one that is bound somewhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespacePath {
    pub kind: NamespaceKind,
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NamespaceKind {
    Cgroup,
    Ipc,
    Network,
    Pid,
    Time,
    User,
    Uts,
}

/// As an OCI bundle gives them (capabilities(7)).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CapabilitySets {
    pub effective: Vec<String>,
    pub permitted: Vec<String>,
    pub inheritable: Vec<String>,
    pub ambient: Vec<String>,
}
