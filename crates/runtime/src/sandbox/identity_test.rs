//! docker's rules for `user[:group]`, and the inputs that made other engines root.

use super::*;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/home/web:/bin/sh\n1000:x:0:0::/evil:/bin/sh\n\
    4294967296:x:0:0::/:/bin/sh\nbad:x:-1:0::/:/bin/sh\nbig:x:4294967295:0::/:/bin/sh\nnohome:x:7:7:::\n";
const GROUP: &str = "root:x:0:\nwheel:x:10:root\nweb:x:1001:\ndeny:x:70:web,other\nvideo:x:44:other,web\n";

fn files() -> IdentityFiles {
    IdentityFiles { passwd: PASSWD.into(), group: GROUP.into() }
}

fn resolved(user: &str) -> (u32, u32, Vec<u32>, String) {
    let identity = resolve(user, &[], &files()).expect(user);
    (identity.uid, identity.gid, identity.groups, String::from_utf8(identity.home).expect("UTF-8"))
}

#[test]
fn users_and_groups_as_docker_resolves_them() {
    for (user, expected) in [
        ("", (0, 0, vec![0, 10], "/root")),
        ("root", (0, 0, vec![0, 10], "/root")),
        ("0", (0, 0, vec![0, 10], "/root")),
        ("web", (1000, 1001, vec![1001, 70, 44], "/home/web")),
        ("1000", (1000, 1001, vec![1001, 70, 44], "/home/web")),
        ("web:root", (1000, 0, vec![0], "/home/web")),
        ("web:5", (1000, 5, vec![5], "/home/web")),
        ("web:", (1000, 1001, vec![1001, 70, 44], "/home/web")),
        (":44", (0, 44, vec![44], "/root")),
        ("4242", (4242, 0, vec![0], "/")),
        ("4242:4343", (4242, 4343, vec![4343], "/")),
        ("nohome", (7, 7, vec![7], "/")),
        ("0000", (0, 0, vec![0, 10], "/root")),
    ] {
        let (uid, gid, groups, home) = expected;
        assert_eq!(resolved(user), (uid, gid, groups, home.to_owned()), "{user:?}");
    }
}

#[test]
fn what_could_be_taken_for_root_is_refused() {
    for user in [
        "4294967296",
        "4294967295",
        "2147483648",
        "99999999999",
        "-1",
        " 1",
        "+0",
        "0x0",
        "\u{ff11}",
        "nobody",
        "bad",
        "big",
        "web:4294967296",
        "web:nogroup",
        "root:-1",
    ] {
        let failure = resolve(user, &[], &files()).expect_err(user);
        assert_eq!(failure.code, FailureCode::UserNotFound, "{user:?}");
    }
}

/// An image may name an entry as it likes: what is a number to anybody is never looked up (CVE-2016-3697).
#[test]
fn names_that_are_numbers_find_nothing() {
    let names = ["-1", "+0", "0x0", "0X0", " 1", "1 ", "1_0", "\u{ff11}", "\u{0661}", "-0", "+", "2b", "_"];
    let passwd: String = names.iter().map(|name| format!("{name}:x:0:0::/:/bin/sh\n")).collect();
    let group: String = names.iter().map(|name| format!("{name}:x:0:\n")).collect();
    let files = IdentityFiles { passwd: passwd.into(), group: group.into() };
    let found = |user: &str| resolve(user, &[], &files).is_ok();
    let as_user: Vec<_> = names.iter().filter(|name| found(name)).collect();
    let as_group: Vec<_> = names.iter().filter(|name| found(&format!("5:{name}"))).collect();
    assert_eq!(as_user, [&"+", &"2b", &"_"]);
    assert_eq!(as_group, as_user);
}

#[test]
fn added_groups_come_last_and_once() {
    let add = ["video".to_owned(), "99".to_owned(), "10".to_owned()];
    assert_eq!(resolve("root", &add, &files()).expect("resolves").groups, [0, 10, 44, 99]);
}

#[test]
fn ids_outside_the_map_are_refused() {
    let map = [IdMapping { inside: 0, outside: 0, size: 1 }, IdMapping { inside: 1, outside: 1, size: 100 }];
    let identity = |uid, gid| Identity { uid, gid, groups: vec![gid], home: Vec::new() };
    assert!(ensure_mapped(&identity(100, 0), &map, &map).is_ok());
    assert!(ensure_mapped(&identity(101, 0), &map, &map).is_err());
    assert!(ensure_mapped(&identity(0, 4242), &map, &map).is_err());
}

#[test]
fn a_huge_line_is_skipped() {
    let mut passwd = vec![b'x'; MAX_LINE + 1];
    passwd.extend_from_slice(b"\nweb:x:5:5::/:/\n");
    let files = IdentityFiles { passwd, group: Vec::new() };
    assert_eq!(resolve("web", &[], &files).expect("resolves").uid, 5);
}

#[test]
fn an_id_is_known_by_its_number_alone() {
    let passwd = b"web:x:5:6::/:/\n#old:x:7:7::/:/\n8:x:9:9::/:/\nbroken:x:ten:1::/:/";
    assert_eq!(
        [5, 6, 7, 8, 9, 10, 0].map(|uid| knows_user(passwd, uid)),
        [true, false, false, false, true, false, false]
    );
    let group = b"web:x:5:web\n6:x:7:\nbroken:x::\n";
    assert_eq!([5, 6, 7, 0].map(|gid| knows_group(group, gid)), [true, false, true, false]);
}
