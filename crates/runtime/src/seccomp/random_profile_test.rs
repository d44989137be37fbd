//! Random profiles, compiled and run by the interpreter, against a direct reading of their JSON: what each rule says about a
//! call, without policy, ranges, trees or jumps.

use super::super::profile::read;
use super::super::table::number_of;
use super::tests::run;
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Calls, and which of their first three arguments the kernel reads as 32 bits.
const CALLS: [(&str, [bool; 3]); 6] = [
    ("read", [false, false, false]),
    ("lseek", [false, false, false]),
    ("socket", [true, true, true]),
    ("ioctl", [false, true, false]),
    ("mkdirat", [false, false, true]),
    ("personality", [true, false, false]),
];
const CAPABILITIES: [&str; 2] = ["CAP_SYS_ADMIN", "CAP_NET_RAW"];
const OPERATORS: [&str; 7] = ["EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"];
/// Equal, neighbouring, and equal but for the upper half.
const VALUES: [u64; 8] = [0, 1, 2, 0x26, 0x1_0000_0002, 0x1_0000_0026, 0xFFFF_FFFF, u64::MAX];
const CASES: u32 = 400;

fn action() -> impl Strategy<Value = (&'static str, u32)> {
    // As the profile says it, and as the kernel is told (seccomp(2)).
    prop::sample::select(vec![
        ("SCMP_ACT_ALLOW", 0x7FFF_0000),
        ("SCMP_ACT_LOG", 0x7FFC_0000),
        ("SCMP_ACT_ERRNO", 0x0005_0007),
        ("SCMP_ACT_TRACE", 0x7FF0_0007),
        ("SCMP_ACT_TRAP", 0x0003_0000),
        ("SCMP_ACT_KILL", 0),
        ("SCMP_ACT_KILL_PROCESS", 0x8000_0000),
    ])
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![4 => prop::sample::select(VALUES.to_vec()), 1 => any::<u64>()]
}

fn argument() -> impl Strategy<Value = Value> {
    (0..3u8, value(), value(), prop::sample::select(OPERATORS.to_vec())).prop_map(|(index, first, second, operator)| {
        json!({"index": index, "value": first, "valueTwo": second, "op": format!("SCMP_CMP_{operator}")})
    })
}

fn filter() -> impl Strategy<Value = Value> {
    prop::collection::vec(prop::sample::select(CAPABILITIES.to_vec()), 0..2).prop_map(|caps| json!({"caps": caps}))
}

/// A group of rules, with the answer that its action stands for.
fn group() -> impl Strategy<Value = (Value, u32)> {
    let names = prop::collection::vec(prop::sample::select(CALLS.map(|(name, _)| name).to_vec()), 1..4);
    let arguments = prop::collection::vec(argument(), 0..5);
    (names, action(), arguments, filter(), filter()).prop_map(|(names, (action, answer), args, includes, excludes)| {
        let group = json!({
            "names": names, "action": action, "errnoRet": 7, "args": args, "includes": includes, "excludes": excludes,
        });
        (group, answer)
    })
}

fn call() -> impl Strategy<Value = (usize, [u64; 6])> {
    (0..CALLS.len(), [value(), value(), value(), value(), value(), value()])
}

/// Whether a condition of the profile holds for a call.
fn holds(condition: &Value, narrow: [bool; 3], arguments: [u64; 6]) -> bool {
    let number = |key: &str| condition[key].as_u64().expect("a number");
    let index = usize::try_from(number("index")).expect("an index");
    let half = |value: u64| if narrow[index] { value & 0xFFFF_FFFF } else { value };
    let (given, first, second) = (half(arguments[index]), half(number("value")), half(number("valueTwo")));
    match condition["op"].as_str().expect("an operator").trim_start_matches("SCMP_CMP_") {
        "EQ" => given == first,
        "NE" => given != first,
        "LT" => given < first,
        "LE" => given <= first,
        "GT" => given > first,
        "GE" => given >= first,
        _ => given & first == second,
    }
}

/// Several conditions on one argument are alternatives, as runc has it; on different ones they hold together.
fn matches(group: &Value, narrow: [bool; 3], arguments: [u64; 6]) -> bool {
    let conditions = group["args"].as_array().expect("a list");
    let indices: Vec<_> = conditions.iter().map(|condition| condition["index"].as_u64()).collect();
    let repeated = (1..indices.len()).any(|at| indices[..at].contains(&indices[at]));
    let mut answers = conditions.iter().map(|condition| holds(condition, narrow, arguments));
    if repeated { answers.any(|holds| holds) } else { answers.all(|holds| holds) }
}

fn lets_pass(answer: u32) -> bool {
    answer == 0x7FFF_0000 || answer == 0x7FFC_0000
}

/// What the profile says about a call: a denial that matches, else a permission, else the last word without conditions.
fn expected(default: u32, groups: &[(Value, u32)], capability: &str, (call, arguments): (usize, [u64; 6])) -> u32 {
    let (name, narrow) = CALLS[call];
    let lists = |value: &Value, word: &str| value.as_array().is_some_and(|list| list.iter().any(|item| item == word));
    let about: Vec<_> = groups
        .iter()
        .filter(|(group, _)| lists(&group["names"], name))
        .filter(|(group, _)| {
            let included = group["includes"]["caps"].as_array().expect("a list");
            included.iter().all(|wanted| wanted == capability) && !lists(&group["excludes"]["caps"], capability)
        })
        .collect();
    let conditional = |(group, _): &&&(Value, u32)| group["args"].as_array().is_some_and(|args| !args.is_empty());
    let hit = |pass: bool| {
        about
            .iter()
            .filter(conditional)
            .find(|(group, answer)| lets_pass(*answer) == pass && matches(group, narrow, arguments))
            .map(|(_, answer)| *answer)
    };
    let last = || about.iter().rfind(|group| !conditional(group)).map(|(_, answer)| *answer);
    hit(false).or_else(|| hit(true)).or_else(last).unwrap_or(default)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_compiled_profile_answers_as_its_text_does(
        (default, answer) in action(),
        groups in prop::collection::vec(group(), 0..12),
        capability in prop::sample::select(CAPABILITIES.to_vec()),
        calls in prop::collection::vec(call(), 1..40),
    ) {
        let texts: Vec<_> = groups.iter().map(|(group, _)| group).collect();
        let profile = json!({"defaultAction": default, "defaultErrnoRet": 7, "syscalls": texts});
        let program = assemble(&read(&profile, &[capability.to_owned()]).expect("reads")).expect("assembles");
        for (call, arguments) in calls {
            let number = number_of(CALLS[call].0).expect("known");
            let found = run(&program, AUDIT_ARCH, number, arguments);
            let wanted = expected(answer, &groups, capability, (call, arguments));
            prop_assert_eq!(found, wanted, "{} {:x?}", CALLS[call].0, arguments);
        }
        prop_assert_eq!(run(&program, AUDIT_ARCH, number_of("write").expect("known"), [0; 6]), answer);
    }

    /// Every jump lands inside the program, whatever the profile: else the kernel would refuse the filter, or worse.
    #[test]
    fn a_compiled_profile_ends_whatever_is_called(
        groups in prop::collection::vec(group(), 0..40),
        number in any::<u32>(),
        arguments in any::<[u64; 6]>(),
    ) {
        let texts: Vec<_> = groups.iter().map(|(group, _)| group).collect();
        let profile = json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": texts});
        let program = assemble(&read(&profile, &[]).expect("reads")).expect("assembles");
        for number in CALLS.map(|(name, _)| number_of(name).expect("known")).into_iter().chain([number]) {
            run(&program, AUDIT_ARCH, number, arguments);
        }
    }
}

#[cfg(any(bunker_fuzz, clippy))]
#[test]
fn under_the_fuzzer() {
    let seed = json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
        {"names": ["read", "socket"], "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": 40, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}, {"index": 1, "value": 1, "op": "SCMP_CMP_GT"}]},
        {"name": "mkdirat", "action": "SCMP_ACT_TRACE", "includes": {"caps": ["CAP_X"], "arches": ["amd64"]}, "excludes": {}},
    ]});
    let words: [&[u8]; 6] = [b"SCMP_CMP_LT", b"SCMP_ACT_KILL", b"18446744073709551615", b"\"names\":", b"[", b"{}"];
    crate::fuzz::run(&[seed.to_string().into_bytes()], &words, |bytes| {
        let Ok(profile) = serde_json::from_slice(bytes) else { return };
        let Ok(program) = read(&profile, &[]).and_then(|policy| assemble(&policy)) else { return };
        for (name, _) in CALLS {
            run(&program, AUDIT_ARCH, number_of(name).expect("known"), [u64::MAX, 0, 1, 2, 3, 4]);
        }
    });
}
