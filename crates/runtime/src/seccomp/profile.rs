//! docker's JSON profiles (and podman's, the same form): read into a policy. The file is the user's, never an image's.

use super::oci::ARCHITECTURE;
use super::policy::{Action, Comparison, Condition, Policy, Rule, Verdict, is_wide, numbers};
use crate::failure::{Failure, FailureCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const EPERM: u16 = 1;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u16>,
    #[serde(default)]
    syscalls: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    action: String,
    errno_ret: Option<u16>,
    args: Option<Vec<Argument>>,
    includes: Option<Filter>,
    excludes: Option<Filter>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    index: u8,
    value: u64,
    #[serde(default)]
    value_two: u64,
    op: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    arches: Vec<String>,
}

/// Reads a profile for a process with these capabilities. Calls it names that this kernel table lacks are left out.
pub(crate) fn read(profile: &Value, capabilities: &[String]) -> Result<Policy, Failure> {
    let profile: Profile =
        serde_json::from_value(profile.clone()).map_err(|error| bad(&format!("not a seccomp profile: {error}")))?;
    let unknown = action_of(&profile.default_action, profile.default_errno_ret)?;
    let mut verdicts: BTreeMap<u32, Verdict> = BTreeMap::new();
    for group in &profile.syscalls {
        if !applies(group, capabilities) {
            continue;
        }
        let action = action_of(&group.action, group.errno_ret)?;
        for name in group.name.iter().chain(&group.names) {
            let Some(number) = numbers(name) else { continue };
            let verdict = verdicts.entry(number).or_insert_with(|| Verdict::plain(unknown));
            let conditions = conditions_of(name, group.args.as_deref().unwrap_or(&[]))?;
            if conditions.is_empty() {
                verdict.otherwise = action;
            } else if has_alternatives(&conditions) {
                let alone = |condition| Rule { conditions: vec![condition], action };
                verdict.rules.extend(conditions.into_iter().map(alone));
            } else {
                verdict.rules.push(Rule { conditions, action });
            }
        }
    }
    for verdict in verdicts.values_mut() {
        // Denials first: an allow of the same call must not hide them.
        verdict.rules.sort_by_key(|rule| matches!(rule.action, Action::Allow | Action::Log));
    }
    Ok(Policy { verdicts: verdicts.into_iter().collect(), unknown })
}

/// A profile as an OCI runtime takes it: what depends on capabilities and architecture is decided.
pub(crate) fn resolve(profile: &Value, capabilities: &[String]) -> Result<Value, Failure> {
    // For its complaints.
    read(profile, capabilities)?;
    let profile: Profile =
        serde_json::from_value(profile.clone()).map_err(|error| bad(&format!("not a seccomp profile: {error}")))?;
    let groups = profile.syscalls.iter().filter(|group| applies(group, capabilities));
    let calls: Vec<Value> = groups
        .map(|group| {
            let names: Vec<&String> = group.name.iter().chain(&group.names).collect();
            let mut call =
                json!({"names": names, "action": group.action, "args": group.args.as_deref().unwrap_or(&[])});
            if let Some(errno) = group.errno_ret {
                call["errnoRet"] = errno.into();
            }
            call
        })
        .collect();
    let mut resolved =
        json!({"defaultAction": profile.default_action, "architectures": [ARCHITECTURE], "syscalls": calls});
    if let Some(errno) = profile.default_errno_ret {
        resolved["defaultErrnoRet"] = errno.into();
    }
    Ok(resolved)
}

fn applies(group: &Group, capabilities: &[String]) -> bool {
    let empty = Filter::default();
    let includes = group.includes.as_ref().unwrap_or(&empty);
    let excludes = group.excludes.as_ref().unwrap_or(&empty);
    let has = |name: &String| capabilities.contains(name);
    let native = |arch: &String| is_native(arch);
    includes.caps.iter().all(has)
        && !excludes.caps.iter().any(has)
        && (includes.arches.is_empty() || includes.arches.iter().any(native))
        && !excludes.arches.iter().any(native)
}

fn is_native(arch: &str) -> bool {
    if cfg!(target_arch = "x86_64") { arch == "amd64" } else { arch == "arm64" }
}

/// Several conditions on one argument are each a rule of their own for runc and crun, and so for docker's profiles: a denial of
/// two values denies both.
fn has_alternatives(conditions: &[Condition]) -> bool {
    let same = |at: usize| conditions[..at].iter().any(|earlier| earlier.argument == conditions[at].argument);
    (1..conditions.len()).any(same)
}

fn conditions_of(name: &str, arguments: &[Argument]) -> Result<Vec<Condition>, Failure> {
    arguments.iter().map(|argument| condition_of(name, argument)).collect()
}

fn condition_of(name: &str, argument: &Argument) -> Result<Condition, Failure> {
    const ARGUMENTS: u8 = 6;
    if argument.index >= ARGUMENTS {
        return Err(bad(&format!("argument {} of \"{name}\": a system call has six", argument.index)));
    }
    let (comparison, value) = match argument.op.as_str() {
        "SCMP_CMP_EQ" => (Comparison::Equal, argument.value),
        "SCMP_CMP_NE" => (Comparison::NotEqual, argument.value),
        "SCMP_CMP_LT" => (Comparison::Less, argument.value),
        "SCMP_CMP_LE" => (Comparison::LessOrEqual, argument.value),
        "SCMP_CMP_GT" => (Comparison::Greater, argument.value),
        "SCMP_CMP_GE" => (Comparison::GreaterOrEqual, argument.value),
        "SCMP_CMP_MASKED_EQ" => (Comparison::Masked(argument.value), argument.value_two),
        other => return Err(bad(&format!("unknown operator \"{other}\" for \"{name}\""))),
    };
    Ok(Condition { argument: argument.index, comparison, value, wide: is_wide(name, argument.index) })
}

fn action_of(name: &str, errno: Option<u16>) -> Result<Action, Failure> {
    Ok(match name {
        "SCMP_ACT_ALLOW" => Action::Allow,
        "SCMP_ACT_ERRNO" => Action::Errno(errno.unwrap_or(EPERM)),
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Action::KillThread,
        "SCMP_ACT_KILL_PROCESS" => Action::KillProcess,
        "SCMP_ACT_TRAP" => Action::Trap,
        "SCMP_ACT_TRACE" => Action::Trace(errno.unwrap_or(EPERM)),
        "SCMP_ACT_LOG" => Action::Log,
        other => return Err(bad(&format!("unknown action \"{other}\""))),
    })
}

fn bad(reason: &str) -> Failure {
    Failure::new(FailureCode::BadRequest, format!("seccomp profile: {reason}"))
}
