//! A policy as the OCI's `linux.seccomp`. There rules have no order and a call no answer of its own: what matches no rule gets the
//! default, and one that always matches hides all others. So a verdict is cut into patterns of which exactly one matches any call.

use serde_json::{Value, json};

use super::policy::{Action, Comparison, Condition, Policy, Rule, Verdict};
use super::table::SYSCALLS;
use crate::failure::{Failure, FailureCode};

#[cfg(target_arch = "x86_64")]
pub(super) const ARCHITECTURE: &str = "SCMP_ARCH_X86_64";
#[cfg(target_arch = "aarch64")]
pub(super) const ARCHITECTURE: &str = "SCMP_ARCH_AARCH64";

/// A system call's.
const ARGUMENTS: usize = 6;

/// Of each argument which bits are known, and what they are.
type Pattern = [(u64, u64); ARGUMENTS];

/// Calls of other architectures are left to libseccomp, which kills whoever makes one.
pub(crate) fn describe(policy: &Policy) -> Result<Value, Failure> {
    let mut calls = Vec::new();
    let mut plain: Vec<(Action, Vec<&str>)> = Vec::new();
    for (number, verdict) in &policy.verdicts {
        let Some((name, _)) = SYSCALLS.iter().find(|(_, known)| known == number) else { continue };
        if !verdict.rules.is_empty() {
            cut(verdict, &Pattern::default(), &mut |pattern, action| {
                // libseccomp takes no rule that says what the default says.
                if action != policy.unknown {
                    calls.push(call(&[name], action, &arguments(pattern)));
                }
            })?;
        } else if verdict.otherwise != policy.unknown {
            match plain.iter_mut().find(|(action, _)| *action == verdict.otherwise) {
                Some((_, names)) => names.push(name),
                None => plain.push((verdict.otherwise, vec![name])),
            }
        }
    }
    calls.extend(plain.iter().map(|(action, names)| call(names, *action, &[])));
    let (action, errno) = words_of(policy.unknown);
    let mut described = json!({"defaultAction": action, "architectures": [ARCHITECTURE], "syscalls": calls});
    if let Some(errno) = errno {
        described["defaultErrnoRet"] = errno.into();
    }
    Ok(described)
}

fn call(names: &[&str], action: Action, arguments: &[Value]) -> Value {
    let (action, errno) = words_of(action);
    let mut call = json!({"names": names, "action": action, "args": arguments});
    if let Some(errno) = errno {
        call["errnoRet"] = errno.into();
    }
    call
}

fn words_of(action: Action) -> (&'static str, Option<u16>) {
    match action {
        Action::Allow => ("SCMP_ACT_ALLOW", None),
        Action::Errno(errno) => ("SCMP_ACT_ERRNO", Some(errno)),
        Action::KillProcess => ("SCMP_ACT_KILL_PROCESS", None),
        Action::KillThread => ("SCMP_ACT_KILL_THREAD", None),
        Action::Trap => ("SCMP_ACT_TRAP", None),
        Action::Trace(message) => ("SCMP_ACT_TRACE", Some(message)),
        Action::Log => ("SCMP_ACT_LOG", None),
    }
}

fn arguments(pattern: &Pattern) -> Vec<Value> {
    let known = pattern.iter().enumerate().filter(|(_, (mask, _))| *mask != 0);
    known
        .map(|(index, (mask, value))| json!({"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}))
        .collect()
}

/// How a rule stands to all calls of a pattern.
enum Standing {
    Matches,
    Misses,
    /// Depends on this bit of this argument.
    Open(usize, u64),
}

/// Below `pattern` each call gets exactly one answer.
fn cut(verdict: &Verdict, pattern: &Pattern, answer: &mut dyn FnMut(&Pattern, Action)) -> Result<(), Failure> {
    for rule in &verdict.rules {
        match standing(rule, pattern)? {
            Standing::Misses => {}
            Standing::Matches => {
                answer(pattern, rule.action);
                return Ok(());
            }
            Standing::Open(argument, bit) => {
                for value in [0, bit] {
                    let mut half = *pattern;
                    half[argument].0 |= bit;
                    half[argument].1 |= value;
                    cut(verdict, &half, answer)?;
                }
                return Ok(());
            }
        }
    }
    answer(pattern, verdict.otherwise);
    Ok(())
}

fn standing(rule: &Rule, pattern: &Pattern) -> Result<Standing, Failure> {
    let mut open = None;
    for condition in &rule.conditions {
        let (mask, value) = wanted(condition)?;
        let argument = usize::from(condition.argument);
        let (known, is) = pattern[argument];
        if (value & known & mask) != (is & mask) || value & !mask != 0 {
            return Ok(Standing::Misses);
        }
        // The highest first: small numbers then share most of their way.
        let unknown = mask & !known;
        if unknown != 0 && open.is_none() {
            open = Some(Standing::Open(argument, 1 << (u64::BITS - 1 - unknown.leading_zeros())));
        }
    }
    Ok(open.unwrap_or(Standing::Matches))
}

/// The bits a condition looks at, and what they must be.
fn wanted(condition: &Condition) -> Result<(u64, u64), Failure> {
    let width = if condition.wide { u64::MAX } else { u64::from(u32::MAX) };
    match condition.comparison {
        Comparison::Equal => Ok((width, condition.value & width)),
        Comparison::Masked(mask) => Ok((mask & width, condition.value & width)),
        // Our own policy has no others.
        _ => Err(Failure::new(FailureCode::BadRequest, "a comparison that is no pattern of bits")),
    }
}

#[cfg(test)]
#[path = "oci_test.rs"]
mod tests;
