//! Random passwd and group files and random `user[:group]` words, against a plain reading of docker's rules.

use super::*;
use proptest::prelude::*;

const CASES: u32 = 1000;

/// Names, numbers, and what somebody might take for either.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "root",
            "web",
            "a",
            "0",
            "00",
            "7",
            "1000",
            "2147483647",
            "2147483648",
            "4294967296"
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec!["-1", "+0", "0x0", " 1", "1_0", "１", "", "x y", "-", "w\u{e9}b"])
            .prop_map(str::to_owned),
        "[a-z0-9_+-]{0,4}",
    ]
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => (word(), word(), word(), word()).prop_map(|(name, id, group, rest)| format!("{name}:x:{id}:{group}:{rest}:/h:/s")),
        1 => (word(), word(), word(), word()).prop_map(|(name, id, first, second)| format!("{name}:x:{id}:{first},{second}")),
        1 => "[a-z0-9:#\n]{0,20}",
    ]
}

fn file() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..8).prop_map(|lines| lines.join("\n"))
}

fn specification() -> impl Strategy<Value = String> {
    prop_oneof![word(), (word(), word()).prop_map(|(user, group)| format!("{user}:{group}"))]
}

fn digits(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn id(word: &str) -> Option<u32> {
    word.parse().ok().filter(|id| digits(word) && *id <= 0x7FFF_FFFF)
}

/// Fields of the lines that count.
fn table(file: &str) -> Vec<Vec<&str>> {
    file.split('\n').filter(|line| !line.starts_with('#')).map(|line| line.split(':').collect()).collect()
}

/// (uid, primary group) of docker's rules; `None`: refused, or left to the next test.
fn expected(user: &str, passwd: &str) -> Option<(u32, u32)> {
    let lines: Vec<_> = table(passwd)
        .into_iter()
        .filter(|fields| fields.len() >= 4 && !fields[0].is_empty())
        .filter_map(|fields| Some((fields[0], id(fields[2])?, id(fields[3])?)))
        .collect();
    if user.is_empty() || digits(user) {
        let wanted = if user.is_empty() { 0 } else { id(user)? };
        let group = lines.iter().find(|(_, uid, _)| *uid == wanted).map_or(0, |(_, _, group)| *group);
        return Some((wanted, group));
    }
    lines.iter().find(|(name, _, _)| *name == user).map(|(_, uid, group)| (*uid, *group))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_user_is_who_the_files_say_or_refused(spec in specification(), passwd in file(), group in file()) {
        let files = IdentityFiles { passwd: passwd.clone().into(), group: group.into() };
        let (user, group_word) = spec.split_once(':').unwrap_or((&spec, ""));
        match resolve(&spec, &[], &files) {
            Ok(found) => {
                let (uid, gid) = expected(user, &passwd).expect("docker refuses it");
                prop_assert_eq!(found.uid, uid);
                if group_word.is_empty() {
                    prop_assert_eq!(found.gid, gid);
                } else if digits(group_word) {
                    prop_assert_eq!(Some(found.gid), id(group_word));
                }
                prop_assert_eq!(found.groups[0], found.gid);
                prop_assert!((1..found.groups.len()).all(|at| !found.groups[..at].contains(&found.groups[at])));
            }
            Err(failure) => prop_assert_eq!(failure.code, FailureCode::UserNotFound),
        }
    }

    /// Nobody becomes root but by asking for 0, for nobody, or for a name whose line says so.
    #[test]
    fn root_is_who_asks_for_it(user in word(), passwd in file()) {
        let files = IdentityFiles { passwd: passwd.clone().into(), group: Vec::new() };
        if let Ok(found) = resolve(&user, &[], &files) && found.uid == 0 {
            let asked = user.bytes().all(|byte| byte == b'0');
            let named = table(&passwd).iter().any(|fields| fields[0] == user && fields.len() > 2 && id(fields[2]) == Some(0));
            prop_assert!(asked || named, "{user:?} in {passwd:?}");
        }
    }

    #[test]
    fn any_bytes_are_read_or_skipped(
        passwd in prop::collection::vec(any::<u8>(), 0..200),
        group in prop::collection::vec(prop::sample::select(b":\n#,0a\xff".to_vec()), 0..200),
        spec in any::<String>(),
    ) {
        let files = IdentityFiles { passwd, group };
        if let Err(failure) = resolve(&spec, std::slice::from_ref(&spec), &files) {
            prop_assert_eq!(failure.code, FailureCode::UserNotFound);
        }
    }
}

#[cfg(any(bunker_fuzz, clippy))]
#[test]
fn under_the_fuzzer() {
    let seeds =
        [&b"web:wheel\0root:x:0:0::/root:/s\nweb:x:1:2::/w:/s\0wheel:x:10:root,web\n"[..], b"1:2\0\0", b"\0a:b:c:d\0"];
    crate::fuzz::run(&seeds.map(<[u8]>::to_vec), &[b":", b"\n", b"\0", b"0x", b"4294967296"], |bytes| {
        let mut parts = bytes.splitn(3, |byte| *byte == 0).map(<[u8]>::to_vec);
        let spec = String::from_utf8_lossy(&parts.next().unwrap_or_default()).into_owned();
        let files = IdentityFiles { passwd: parts.next().unwrap_or_default(), group: parts.next().unwrap_or_default() };
        let _ = resolve(&spec, std::slice::from_ref(&spec), &files);
    });
}
