use super::*;
use crate::seccomp::policy::default_policy;
use proptest::prelude::*;

/// What an OCI runtime makes of it: the one rule that matches, else the default.
fn answers(described: &Value, name: &str, arguments: [u64; 6]) -> Vec<(String, Option<u64>)> {
    let matches = |call: &&Value| {
        call["names"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
            && call["args"].as_array().is_some_and(|list| {
                list.iter().all(|argument| {
                    let number = |key: &str| argument[key].as_u64().unwrap_or_default();
                    arguments[number("index") as usize] & number("value") == number("valueTwo")
                })
            })
    };
    let calls = described["syscalls"].as_array().into_iter().flatten();
    calls.filter(matches).map(|call| (call["action"].to_string(), call["errnoRet"].as_u64())).collect()
}

fn expected(policy: &Policy, name: &str, arguments: [u64; 6]) -> Action {
    let number = SYSCALLS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    let Some((_, verdict)) = policy.verdicts.iter().find(|(known, _)| Some(*known) == number) else {
        return policy.unknown;
    };
    let holds = |condition: &Condition| {
        let width = if condition.wide { u64::MAX } else { u64::from(u32::MAX) };
        let given = arguments[usize::from(condition.argument)] & width;
        match condition.comparison {
            Comparison::Equal => given == condition.value,
            Comparison::Masked(mask) => given & mask == condition.value,
            _ => false,
        }
    };
    let rule = verdict.rules.iter().find(|rule| rule.conditions.iter().all(holds));
    rule.map_or(verdict.otherwise, |rule| rule.action)
}

fn assert_same(capabilities: &[&str], name: &str, arguments: [u64; 6]) {
    let capabilities: Vec<String> = capabilities.iter().map(|name| (*name).to_owned()).collect();
    let policy = default_policy(&capabilities);
    let described = describe(&policy).expect("our own policy");
    let (action, errno) = words_of(expected(&policy, name, arguments));
    let wanted = (format!("\"{action}\""), errno.map(u64::from));
    let found = answers(&described, name, arguments);
    let is_default = expected(&policy, name, arguments) == policy.unknown;
    assert_eq!(found, if is_default { Vec::new() } else { vec![wanted] }, "{name} {arguments:x?}");
}

#[test]
fn every_call_has_the_answer_of_the_policy() {
    for (name, _) in SYSCALLS {
        assert_same(&[], name, [0; 6]);
    }
}

#[test]
fn a_high_bit_does_not_slip_past() {
    assert_same(&[], "ioctl", [0, 0x1_0000_5412, 0, 0, 0, 0]);
    assert_same(&[], "ioctl", [0, 0x5412, 0, 0, 0, 0]);
    assert_same(&[], "ioctl", [0, 0x541B, 0, 0, 0, 0]);
    assert_same(&[], "clone", [0x1000_0011, 0, 0, 0, 0, 0]);
    assert_same(&[], "clone", [0x11, 0, 0, 0, 0, 0]);
    assert_same(&["CAP_NET_RAW"], "socket", [17, 3, 0, 0, 0, 0]);
    assert_same(&[], "socket", [16, 3, 9, 0, 0, 0]);
    assert_same(&[], "socket", [40, 1, 0, 0, 0, 0]);
}

const CUT: &[&str] = &["clone", "personality", "ioctl", "prctl", "mknod", "mknodat", "socket", "socketpair"];

proptest! {
    #[test]
    fn any_arguments_have_the_answer_of_the_policy(
        name in prop::sample::select(CUT),
        small in prop::array::uniform6(0_u64..40),
        large in prop::array::uniform6(any::<u64>()),
        kept in 0_u8..64,
    ) {
        if SYSCALLS.iter().any(|(known, _)| *known == name) {
            let arguments = std::array::from_fn(|at| if kept & 1 << at == 0 { small[at] } else { large[at] });
            assert_same(&["CAP_NET_RAW", "CAP_AUDIT_WRITE"], name, arguments);
        }
    }
}
