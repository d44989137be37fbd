//! What runs in a container, and as whom.

use serde::{Deserialize, Serialize};

use super::CapabilitySets;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Process {
    /// Never empty; `args[0]` is looked up in the `PATH` of `env`, inside the container.
    pub args: Vec<String>,
    /// `KEY=value`. `HOME` is added from the container's passwd where missing.
    pub env: Vec<String>,
    /// Made inside if missing (docker's rule); must resolve inside the root.
    pub cwd: String,
    /// docker's `user[:group]`, names or numbers, looked up in the container's own files; empty: root.
    pub user: String,
    pub group_add: Vec<String>,
    /// Supplementary groups stay those of whoever started it, most of which have no number inside.
    pub keep_groups: bool,
    pub terminal: bool,
    pub rows: u16,
    pub columns: u16,
    pub open_stdin: bool,
    /// Standard input is closed when the first client that gave it one ends or goes.
    pub stdin_once: bool,
    pub capabilities: Capabilities,
    pub no_new_privileges: bool,
    pub seccomp: Seccomp,
    pub rlimits: Vec<Rlimit>,
    pub umask: u32,
    pub oom_score_adj: Option<i32>,
    /// Our reaper as PID 1, the process as its child.
    pub init: bool,
    /// Numbers of descriptors that come with the request and stay open, under these numbers, from 3 on.
    #[serde(default)]
    pub kept_fds: Vec<i32>,
    /// personality(2); absent: as it is.
    #[serde(default)]
    pub personality: Option<u32>,
}

/// Names as `CAP_CHOWN`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capabilities {
    /// Bounding set; root's permitted and effective too. Inheritable is always empty for root.
    pub bounding: Vec<String>,
    /// For a non-root user: permitted, effective, inheritable and ambient (only what `--cap-add` named).
    pub non_root: Vec<String>,
    /// These instead, whoever the user is.
    #[serde(default)]
    pub sets: Option<CapabilitySets>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Seccomp {
    Default,
    Unconfined,
    /// docker's JSON profile format, verbatim.
    Profile {
        profile: serde_json::Value,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rlimit {
    /// Without `RLIMIT_`, upper case: `NOFILE`. `u64::MAX` cannot cross JSON: -1 is unlimited.
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}

/// One more process in a running container.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecSpec {
    /// 64 lower-case hex characters.
    pub id: String,
    pub process: Process,
}
