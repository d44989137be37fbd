use super::*;

type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

#[test]
fn global_owner_and_time_apply_until_taken_back() {
    let global =
        extension(b'g', &[record(b"comment", b"git"), record(b"uid", b"7"), record(b"mtime", b"1.5")].concat());
    let bytes =
        [global, archive([&file("a", ""), &file("b", "").pax("uid", ""), &file("c", "").pax("uid", "9")])].concat();
    let mut reader = Reader::new(Memory { bytes: &bytes, piece: usize::MAX });
    let mut entry = Entry::default();
    let mut owners = Vec::new();
    while reader.next(&mut entry).expect("next") {
        assert_eq!(entry.modified, FileTime { seconds: 1, nanoseconds: 500_000_000 });
        owners.push(entry.uid);
    }
    assert_eq!(owners, [7, 0, 9]);
}

#[test]
fn pax_records_must_be_exact() {
    let cases: [(&[u8], bool); 14] = [
        (b"9 path=a\n", true),
        (b"10 path=a\n", true),
        (b"11 path=a\n", false),
        // Leading zeros, as Go and GNU tar read them.
        (b"011 path=a\n", true),
        (b"010 path=a\n", false),
        (b"8 path=a\n", false),
        (b"0 path=a\n", false),
        (b"9 path=a", false),
        (b"9 path=a\n\n", false),
        (b"-9 path=a\n", false),
        (b"path=a\n", false),
        (b"99999999999999999999 path=a\n", false),
        (b"7 path\n", false),
        (b"5 =a\n", false),
    ];
    for (data, fine) in cases {
        let bytes = [extension(b'x', data), archive([&file("f", "")])].concat();
        let result = read(&bytes);
        assert_eq!(result.is_ok(), fine, "{}: {result:?}", data.escape_ascii());
    }
}

#[test]
fn names_in_pax_hold_no_nul() {
    for key in ["path", "linkpath", "GNU.sparse.name"] {
        assert!(one(&file("f", "").pax(key, "a\0b")).is_err_and(|text| text.contains("NUL")), "{key}");
    }
}

#[test]
fn extension_headers_are_bounded() {
    let name = extension(b'L', b"name\0");
    let chain = |count: usize| [name.repeat(count), archive([&file("f", "")])].concat();
    assert!(read(&chain(16)).is_ok());
    assert!(read(&chain(17)).is_err_and(|text| text.contains("17")));
    let large = |length: usize| one(&file("f", "").pax("comment", vec![b'x'; length]));
    // "1048576 comment=…\n" is exactly 1 MiB.
    let overhead = "1048576 comment=\n".len();
    assert!(large(1024 * 1024 - overhead).is_ok());
    assert!(large(1024 * 1024 - overhead + 1).is_err());
    let huge = [file("x", "").size_field(made::number(1 << 30, 12)).patch(156, "x").bytes(), vec![0; 4096]].concat();
    assert!(read(&huge).is_err_and(|text| text.contains("extension headers")));
}

#[test]
fn attributes_come_in_two_spellings_and_are_bounded() {
    let attributes = |item: Item| -> Result<Attributes, Problem> {
        let bytes = archive([&item]);
        let mut reader = Reader::new(Memory { bytes: &bytes, piece: usize::MAX });
        let mut entry = Entry::default();
        reader.next(&mut entry).map(|_| entry.attributes)
    };
    let pair = |name: &[u8], value: &[u8]| vec![(name.to_vec(), value.to_vec())];
    let cases: [(Item, Option<Attributes>); 10] = [
        (file("f", "").pax("SCHILY.xattr.user.a", "1\n\0="), Some(pair(b"user.a", b"1\n\0="))),
        (file("f", "").pax("LIBARCHIVE.xattr.user.a%25b", "AQID"), Some(pair(b"user.a%b", &[1, 2, 3]))),
        (file("f", "").pax("LIBARCHIVE.xattr.user.a", "AQI"), Some(pair(b"user.a", &[1, 2]))),
        (file("f", "").pax("LIBARCHIVE.xattr.user.a", "AQ=="), Some(pair(b"user.a", &[1]))),
        (file("f", "").pax("LIBARCHIVE.xattr.user.a", "A"), None),
        (file("f", "").pax("LIBARCHIVE.xattr.user.a", "A!ID"), None),
        (file("f", "").pax("LIBARCHIVE.xattr.user.%zz", "AQID"), None),
        (file("f", "").pax("SCHILY.xattr.", "1"), None),
        (file("f", "").pax(format!("SCHILY.xattr.user.{}", "n".repeat(251)), "1"), None),
        (
            file("f", "").pax("SCHILY.xattr.user.a", "old").pax("SCHILY.xattr.user.a", "new"),
            Some(pair(b"user.a", b"new")),
        ),
    ];
    for (item, expected) in cases {
        let shown = format!("{:?}", item.pax);
        assert_eq!(attributes(item).ok(), expected, "{shown}");
    }
    let many = |count: usize| {
        (0..count).fold(file("f", ""), |item, number| item.pax(format!("SCHILY.xattr.user.{number}"), ""))
    };
    assert!(attributes(many(128)).is_ok());
    assert!(attributes(many(129)).is_err());
    let value = |length: usize| attributes(file("f", "").pax("SCHILY.xattr.user.a", vec![0; length]));
    assert!(value(65536).is_ok());
    assert!(value(65537).is_err());
}
