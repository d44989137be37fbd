//! A sandbox as the OCI runtime specification's config.json, for another runtime to make. Pure: what had to be looked up in the
//! container's root or on the host comes in as facts.
//!
//! Left out is what exists already when the runtime is called: the user namespace and the container's group, in which it runs, and
//! mounts in the root file system, which it takes over with it.

mod mounts;

use serde_json::{Map, Value, json};

use crate::failure::{Failure, FailureCode};
use crate::sandbox::identity::Identity;
use crate::seccomp;
use crate::spec::{JoinKind, Network, Process, RootFilesystem, SandboxSpec};

pub use mounts::shared_places;

/// Of the specification, as old as the runtimes that are to read it.
const VERSION: &str = "1.0.2";

/// What the spec itself does not say.
pub struct Facts<'a> {
    /// Where the root file system is mounted.
    pub root: &'a str,
    pub identity: &'a Identity,
    /// The program that is to be PID 1 for `--init`, by its place inside, and the number of the socket it reports on.
    pub init: Option<(&'a str, i32)>,
    /// Places inside and what is to be bound there: the host's own for what is shared with it, and what lies below such places.
    pub binds: &'a [Bind],
    /// The host has a cgroup v2 tree to show.
    pub has_cgroup: bool,
}

/// Something that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    pub target: String,
    pub source: String,
    /// What it is already: a runtime takes away what it is not told.
    pub options: Vec<&'static str>,
}

/// The configuration of the container's first process and its surroundings.
///
/// # Errors
/// `BadRequest` for what an OCI runtime is not told in this way.
pub fn translate(spec: &SandboxSpec, facts: &Facts<'_>) -> Result<Value, Failure> {
    if spec.joins(JoinKind::Pid) {
        return Err(Failure::new(
            FailureCode::BadRequest,
            "another container's pid namespace cannot be joined with an OCI runtime",
        ));
    }
    let (RootFilesystem::Overlay { readonly, .. } | RootFilesystem::Directory { readonly, .. }) = &spec.root;
    let mut config = json!({
        "ociVersion": VERSION,
        "process": process(&spec.process, facts)?,
        "root": {"path": facts.root, "readonly": readonly},
        "mounts": mounts::all(spec, facts),
        "linux": linux(spec)?,
    });
    if spec.namespaces.uts {
        put(&mut config, "hostname", spec.hostname.as_deref());
        put(&mut config, "domainname", spec.domainname.as_deref());
    }
    if spec.process.keep_groups {
        config["annotations"] = json!({"run.oci.keep_original_groups": "1"});
    }
    Ok(config)
}

fn put(config: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        config[key] = value.into();
    }
}

fn process(wanted: &Process, facts: &Facts<'_>) -> Result<Value, Failure> {
    let Identity { uid, gid, groups, .. } = facts.identity;
    let mut user = json!({"uid": uid, "gid": gid, "umask": wanted.umask});
    if !wanted.keep_groups {
        user["additionalGids"] = json!(groups);
    }
    let words = facts.init.map(|(place, report)| vec![place.to_owned(), "init".to_owned(), report.to_string()]);
    let words = words.unwrap_or_default();
    let limits: Vec<Value> = wanted.rlimits.iter().map(limit).collect();
    let mut process = json!({
        "terminal": wanted.terminal,
        "user": user,
        "args": words.iter().chain(&wanted.args).collect::<Vec<_>>(),
        "env": environment(wanted, facts.identity),
        "cwd": wanted.cwd,
        "capabilities": capabilities(wanted, *uid),
        "rlimits": limits,
        "noNewPrivileges": wanted.no_new_privileges,
    });
    put(&mut process, "oomScoreAdj", wanted.oom_score_adj);
    if wanted.terminal && wanted.rows > 0 && wanted.columns > 0 {
        process["consoleSize"] = json!({"height": wanted.rows, "width": wanted.columns});
    }
    Ok(process)
}

/// As given, `HOME` added where it is missing or empty.
fn environment(wanted: &Process, identity: &Identity) -> Vec<String> {
    let mut variables: Vec<String> = wanted.env.iter().filter(|entry| *entry != "HOME=").cloned().collect();
    if !variables.iter().any(|entry| entry.starts_with("HOME=")) {
        variables.push(format!("HOME={}", String::from_utf8_lossy(&identity.home)));
    }
    variables
}

/// -1 is unlimited, which the specification writes as the largest number.
fn limit(wanted: &crate::spec::Rlimit) -> Value {
    let number = |value: i64| u64::try_from(value).unwrap_or(u64::MAX);
    json!({"type": format!("RLIMIT_{}", wanted.name), "soft": number(wanted.soft), "hard": number(wanted.hard)})
}

/// Root has what its bounding set allows and hands nothing on; others have what was named, and hand it on.
fn capabilities(wanted: &Process, uid: u32) -> Value {
    let bounding = &wanted.capabilities.bounding;
    let none = Vec::new();
    let (held, inherited) =
        if uid == 0 { (bounding, &none) } else { (&wanted.capabilities.non_root, &wanted.capabilities.non_root) };
    json!({
        "bounding": bounding, "permitted": held, "effective": held, "inheritable": inherited, "ambient": inherited,
    })
}

fn linux(spec: &SandboxSpec) -> Result<Value, Failure> {
    let mut linux = json!({
        "namespaces": namespaces(spec),
        "sysctl": sysctls(spec),
        "maskedPaths": spec.masked_paths,
        "readonlyPaths": spec.readonly_paths,
        // Those of mounts that are to hear of the host's stay what they are.
        "rootfsPropagation": "rslave",
    });
    put(&mut linux, "personality", spec.process.personality.map(personality).transpose()?);
    put(&mut linux, "seccomp", seccomp::describe(&spec.process.seccomp, &spec.process.capabilities.bounding)?);
    Ok(linux)
}

/// Those two that the specification knows (personality(2)).
fn personality(number: u32) -> Result<Value, Failure> {
    const PER_LINUX32: u32 = 8;
    match number {
        0 => Ok(json!({"domain": "LINUX"})),
        PER_LINUX32 => Ok(json!({"domain": "LINUX32"})),
        _ => Err(Failure::new(
            FailureCode::BadRequest,
            format!("personality {number:#x} of a container that an OCI runtime makes"),
        )),
    }
}

/// What is not named is the runtime's own: the host's, another container's that was joined before, and that of time, which is not in
/// version 1.0 and with which crun before 1.9 makes a pid namespace that ends at once.
fn namespaces(spec: &SandboxSpec) -> Vec<Value> {
    let wanted = &spec.namespaces;
    let own = [
        ("mount", true),
        ("pid", wanted.pid),
        ("ipc", wanted.ipc),
        ("uts", wanted.uts),
        ("cgroup", wanted.cgroup),
        ("network", !matches!(spec.network, Network::Host | Network::Shared)),
    ];
    own.iter().filter(|(_, is_own)| *is_own).map(|(kind, _)| json!({"type": kind})).collect()
}

/// Without those that the outer container may forbid: another runtime starts nothing without one.
fn sysctls(spec: &SandboxSpec) -> Map<String, Value> {
    let wanted = spec.sysctls.iter().filter(|(name, _)| !spec.dispensable.contains(name));
    wanted.map(|(name, value)| (name.clone(), value.clone().into())).collect()
}

#[cfg(test)]
#[path = "oci/oci_test.rs"]
mod tests;
