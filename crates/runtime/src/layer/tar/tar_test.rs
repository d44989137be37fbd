use super::*;
use crate::layer::problem::{Outcome, Problem};
use crate::layer::test_archive::{
    self as made, BLOCK, Item, archive, dir, extension, file, hard, item, record, symlink,
};

type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

#[path = "damage_test.rs"]
mod damage;
#[path = "sparse_test.rs"]
mod sparse;

/// Bytes in memory, handed out in pieces of a size that cuts headers.
struct Memory<'a> {
    bytes: &'a [u8],
    piece: usize,
}

impl Input for Memory<'_> {
    fn chunk(&mut self) -> Outcome<&[u8]> {
        Ok(&self.bytes[..self.bytes.len().min(self.piece)])
    }

    fn consume(&mut self, count: usize) {
        self.bytes = &self.bytes[count..];
    }
}

/// Each entry as text, then the problem if there was one.
fn read_in(bytes: &[u8], piece: usize) -> (Vec<String>, Option<Problem>) {
    let mut reader = Reader::new(Memory { bytes, piece });
    let mut entry = Entry::default();
    let mut seen = Vec::new();
    loop {
        match reader.next(&mut entry) {
            Ok(true) => {}
            Ok(false) => return (seen, reader.finish().err()),
            Err(problem) => return (seen, Some(problem)),
        }
        let mut data = Vec::new();
        let outcome = reader.read_data(|piece| {
            data.extend_from_slice(piece);
            Ok(())
        });
        seen.push(format!("{:?} {}{}", entry.kind, entry.path.escape_ascii(), describe(&entry, &data)));
        if let Err(problem) = outcome {
            return (seen, Some(problem));
        }
    }
}

fn describe(entry: &Entry, data: &[u8]) -> String {
    let mut text = String::new();
    if !entry.target.is_empty() {
        text += &format!(" -> {}", entry.target.escape_ascii());
    }
    if !data.is_empty() {
        text += &format!(" = {}", data.escape_ascii());
    }
    if let Some(segments) = &entry.sparse {
        let parts: Vec<String> = segments.iter().map(|part| format!("{}+{}", part.offset, part.length)).collect();
        text += &format!(" [{}]/{}", parts.join(" "), entry.size);
    }
    text
}

/// The entries, which must not depend on how the bytes arrive.
fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
    let (whole, problem) = read_in(bytes, usize::MAX);
    let (cut, cut_problem) = read_in(bytes, 100);
    assert_eq!((&whole, &problem), (&cut, &cut_problem));
    problem.map_or(Ok(whole), |problem| Err(problem.to_string()))
}

fn one(item: &Item) -> Result<String, String> {
    read(&archive([item])).map(|entries| entries.join("; "))
}

#[test]
fn all_types_are_read() {
    let items = [
        dir("d/"),
        file("d/f", "content"),
        symlink("l", "/target"),
        hard("h", "d/f"),
        made::fifo("p"),
        made::device("c"),
        item(b'4', "b"),
        item(0, "old"),
        item(b'7', "contiguous"),
    ];
    let expected = [
        "Directory d/",
        "File d/f = content",
        "Symlink l -> /target",
        "HardLink h -> d/f",
        "Fifo p",
        "Device c",
        "Device b",
        "File old",
        "File contiguous",
    ];
    assert_eq!(read(&archive(&items)).expect("read"), expected);
}

#[test]
fn names_come_from_all_their_places() {
    let long = "x".repeat(300);
    let gnu = [extension(b'L', format!("{long}\0").as_bytes()), archive([&file("short", "1")])].concat();
    assert_eq!(read(&gnu).expect("read"), [format!("File {long} = 1")]);
    let empty = [extension(b'L', b"\0"), archive([&file("short", "1")])].concat();
    assert_eq!(read(&empty).expect("read"), ["File short = 1"]);
    let target = [extension(b'K', format!("{long}\0").as_bytes()), archive([&symlink("l", "t")])].concat();
    assert_eq!(read(&target).expect("read"), [format!("Symlink l -> {long}")]);
    let cases = [
        (file("name", "").patch(345, "pre/fix"), "File pre/fix/name"),
        // star: a shorter prefix, times behind it.
        (
            file("name", "").patch(345, "pre").patch(476, "00000000001 00000000002 ").patch(508, "tar\0"),
            "File pre/name",
        ),
        // GNU: times where ustar has the prefix.
        (file("name", "").patch(257, "ustar  \0").patch(345, "00000000001\x0000000000002\0"), "File name"),
        // Go before 1.8: a prefix all the same.
        (file("name", "").patch(257, "ustar  \0").patch(345, "usr/lib"), "File usr/lib/name"),
        // V7 has no prefix.
        (file("name", "").patch(257, "\0\0\0\0\0\0\0\0").patch(345, "garbage"), "File name"),
        (file("name", "").pax("path", "from pax"), "File from pax"),
        (file("name", "").pax("path", ""), "File name"),
        (file("", "").patch(0, [b'n'; 100]), &format!("File {}", "n".repeat(100))),
        (file(b"\xff\xfe", ""), r"File \xff\xfe"),
        (file("dir/", ""), "Directory dir/"),
    ];
    for (item, expected) in cases {
        assert_eq!(one(&item).expect(expected), expected);
    }
}

#[test]
fn numbers_are_read_in_every_form() {
    let cases: [(&[u8], Result<u64, &str>); 12] = [
        (b"00000000005\0", Ok(5)),
        (b"          5 ", Ok(5)),
        (b"\0\x0000000005\0\0", Ok(5)),
        (b"5\0garbage\0\0\0", Ok(5)),
        (b"000000000005", Ok(5)),
        (b"\x80\0\0\0\0\0\0\0\0\0\0\x05", Ok(5)),
        (b"0000000000z\0", Err("not a number")),
        (b"-0000000001\0", Err("not a number")),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", Err("negative")),
        (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", Err("too large")),
        (b"\x80\0\0\x01\0\0\0\0\0\0\0\0", Err("too large")),
        (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Err("ends within")),
    ];
    for (field, expected) in cases {
        let result = one(&file("f", "12345").size_field(field));
        match expected {
            Ok(_) => assert_eq!(result.as_deref(), Ok("File f = 12345"), "{}", field.escape_ascii()),
            Err(reason) => assert!(
                result.as_ref().is_err_and(|text| text.contains(reason)),
                "{}: {result:?}",
                field.escape_ascii()
            ),
        }
    }
}

#[test]
fn the_owner_must_be_an_id() {
    let highest = u64::from(u32::MAX) - 1;
    assert!(one(&file("f", "").owner(highest, highest)).is_ok());
    for item in
        [file("f", "").owner(highest + 1, 0), file("f", "").owner(0, 1 << 40), file("f", "").pax("uid", "4294967295")]
    {
        assert!(one(&item).is_err_and(|text| text.contains("out of range")));
    }
    assert!(one(&file("f", "").pax("gid", "-1")).is_err());
}

#[test]
fn times_are_exact() {
    let cases = [
        ("0", Some((0, 0))),
        ("1.5", Some((1, 500_000_000))),
        ("1700000000.123456789", Some((1_700_000_000, 123_456_789))),
        ("1.1234567899", Some((1, 123_456_789))),
        ("-1", Some((-1, 0))),
        ("-1.25", Some((-2, 750_000_000))),
        ("253402300800", Some((253_402_300_800, 0))),
        ("1e308", None),
        ("NaN", None),
        ("1.", Some((1, 0))),
        (".5", None),
        ("99999999999999999999", None),
        ("1.2.3", None),
    ];
    for (text, expected) in cases {
        let time = number::time(text.as_bytes(), "mtime").ok();
        assert_eq!(time.map(|time| (time.seconds, time.nanoseconds)), expected, "{text}");
    }
}

#[test]
fn the_size_in_pax_counts_and_not_the_one_in_the_header() {
    // RUSTSEC-2026: the header's size 0 would make the content the next header.
    let inner = archive([&file("smuggled", "")]);
    let outer = Item { data: inner.clone(), ..file("outer", "") };
    let item = outer.size_field("00000000000\0").pax("size", inner.len().to_string());
    let entries = read(&archive([&item, &file("after", "")])).expect("read");
    assert_eq!(entries.len(), 2);
    assert!(entries[0].starts_with("File outer = smuggled"));
    assert_eq!(entries[1], "File after");
}

#[test]
fn a_pax_size_does_not_count_for_a_gnu_name_in_between() {
    let bytes = [extension(b'x', &record(b"size", b"3")), extension(b'L', b"long\0"), archive([&file("short", "abc")])]
        .concat();
    assert_eq!(read(&bytes).expect("read"), ["File long = abc"]);
}

#[test]
fn what_readers_disagree_about_is_refused() {
    let pax = |key: &str, value: &str| extension(b'x', &record(key.as_bytes(), value.as_bytes()));
    let global = |key: &str, value: &str| extension(b'g', &record(key.as_bytes(), value.as_bytes()));
    let rest = archive([&file("f", "")]);
    let cases: [(&str, Vec<u8>, &str); 15] = [
        ("a directory with data", archive([&Item { data: b"x".to_vec(), ..dir("d") }]), "data where only files"),
        ("a link with data", archive([&Item { data: b"x".to_vec(), ..symlink("l", "t") }]), "data where only files"),
        ("a file with a slash and data", archive([&file("d/", "x")]), "data where only files"),
        ("a hard link with a size in PAX", archive([&hard("h", "f").pax("size", "5")]), "data where only files"),
        ("a FIFO with a size in PAX", archive([&made::fifo("p").pax("size", "512")]), "data where only files"),
        ("two PAX headers", [pax("path", "a"), pax("path", "b"), rest.clone()].concat(), "two PAX headers"),
        ("PAX and GNU names", [pax("path", "a"), extension(b'L', b"b\0"), rest.clone()].concat(), "different paths"),
        ("a global name", [global("path", "a"), rest.clone()].concat(), "global PAX header"),
        ("a global size", [global("size", "5"), rest.clone()].concat(), "global PAX header"),
        ("a global attribute", [global("SCHILY.xattr.user.a", "b"), rest.clone()].concat(), "global PAX header"),
        ("an unknown type", archive([&item(b'V', "label")]), "entry type \"V\" is unknown"),
        ("a type that is no letter", archive([&item(0xff, "x")]), r#"entry type "\xff" is unknown"#),
        ("a sparse file that is not GNU's", archive([&Item { kind: b'S', ..file("f", "") }]), "format that has none"),
        ("one block of zeros", [vec![0; BLOCK], rest.clone()].concat(), "one block of zeros"),
        ("an extension header at the end", pax("path", "a"), "ends after an extension header"),
    ];
    for (name, bytes, reason) in cases {
        let result = read(&bytes);
        assert!(result.as_ref().is_err_and(|text| text.contains(reason)), "{name}: {result:?}");
    }
}

#[test]
fn hard_links_of_old_writers_have_a_size_but_no_data() {
    let entries = read(&archive([&hard("h", "f").size_field("00000000005\0"), &file("f", "x")])).expect("read");
    assert_eq!(entries, ["HardLink h -> f", "File f = x"]);
}

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
