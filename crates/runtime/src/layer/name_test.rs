use super::*;
use crate::layer::problem::Problem;

fn cleaned(raw: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut path = b"from before".to_vec();
    clean(raw, &mut path).map(|()| path)
}

#[test]
fn names_become_relative_and_plain() {
    let cases: [(&[u8], &[u8]); 16] = [
        (b"x", b"x"),
        (b"/abs", b"abs"),
        (b"//abs", b"abs"),
        (b"./././x", b"x"),
        (b".", b""),
        (b"./", b""),
        (b"/", b""),
        (b"", b""),
        (b"x/", b"x"),
        (b"a/../b", b"b"),
        (b"a/b/../../c", b"c"),
        (b"a/..", b""),
        (b"dots...", b"dots..."),
        (b" space ", b" space "),
        (b"a\n\x1b[31m", b"a\n\x1b[31m"),
        (b"\xff/\xed\xa0\x80", b"\xff/\xed\xa0\x80"),
    ];
    for (raw, expected) in cases {
        assert_eq!(cleaned(raw).as_deref(), Ok(expected), "{}", raw.escape_ascii());
    }
}

#[test]
fn names_that_lead_out_or_do_not_fit_are_refused() {
    let long = |length: usize| vec![b'x'; length];
    let deep = |length: usize| b"a/".iter().copied().cycle().take(length).collect::<Vec<_>>();
    let refused: [&[u8]; 9] =
        [b"..", b"../x", b"/../x", b"a/../../x", b"./..", b"a\0b", &long(256), &deep(4097), &deep(65_000)];
    for raw in refused {
        assert!(cleaned(raw).is_err(), "{}", raw[..raw.len().min(20)].escape_ascii());
    }
    for raw in [long(255), deep(4095), deep(4096)] {
        assert!(cleaned(&raw).is_ok(), "{} bytes", raw.len());
    }
}

#[test]
fn whiteout_names_have_their_meanings() {
    let whiteout = |parent: &'static str, name: &'static str| {
        Some(Meaning::Whiteout { parent: parent.as_bytes(), name: name.as_bytes() })
    };
    let cases: [(&str, Option<Meaning<'_>>); 18] = [
        ("", Some(Meaning::Root)),
        ("a", Some(Meaning::Plain(b"a"))),
        ("a/.w", Some(Meaning::Plain(b"a/.w"))),
        ("a/x.wh.", Some(Meaning::Plain(b"a/x.wh."))),
        (".wh.a", whiteout("", "a")),
        ("a/.wh.b", whiteout("a", "b")),
        (".wh..a", whiteout("", ".a")),
        (".wh.....", whiteout("", "....")),
        (".wh..wh..opq", Some(Meaning::Opaque(b""))),
        ("a/b/.wh..wh..opq", Some(Meaning::Opaque(b"a/b"))),
        (".wh..wh.aufs", Some(Meaning::Skipped)),
        (".wh..wh.plnk/x", Some(Meaning::Skipped)),
        ("a/.wh..wh.orph/b/c", Some(Meaning::Skipped)),
        (".wh.", None),
        (".wh..", None),
        (".wh...", None),
        (".wh.a/b", None),
        ("a/.wh.b/c/d", None),
    ];
    for (path, expected) in cases {
        assert_eq!(meaning(path.as_bytes()).ok(), expected, "{path}");
    }
}
