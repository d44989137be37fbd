use super::*;
use bunker_sys::file;
use bunker_sys::path;
use proptest::prelude::*;
use std::os::fd::AsFd;

fn written(lines: &[Line<'_>]) -> Vec<u8> {
    let memory = file::memory_file(c"manifest").expect("memory");
    let mut writer = Writer::new(file::duplicate(memory.as_fd()).expect("duplicate"));
    lines.iter().try_for_each(|line| writer.write(line)).expect("write");
    writer.flush().expect("flush");
    let mut text = vec![0; path::status(memory.as_fd()).expect("status").size as usize];
    path::read_at(memory.as_fd(), &mut text, 0).expect("read");
    text
}

fn line(kind: LineKind, path: &[u8], target: &[u8]) -> Line<'static> {
    Line {
        kind,
        mode: 0o4755,
        uid: 1,
        gid: 2,
        size: 3,
        modified: FileTime { seconds: -2, nanoseconds: 750_000_000 },
        checksum: None,
        path: path.to_vec().into(),
        target: target.to_vec().into(),
        removed: false,
    }
}

#[test]
fn lines_look_as_documented() {
    let checksum = Some([0xab; 16]);
    let lines = [
        line(LineKind::Directory, b"", b""),
        Line { checksum, ..line(LineKind::File, b"a b/%\xff", b"") },
        line(LineKind::Symlink, b"l", b"to \n"),
        Line { removed: true, ..line(LineKind::Opaque, b"d", b"") },
        line(LineKind::Opaque, b"d", b""),
    ];
    let sum = "ab".repeat(16);
    let expected = format!(
        "d 4755 1 2 3 -1.250000000 - .\n\
         f 4755 1 2 3 -1.250000000 {sum} a%20b/%25%ff\n\
         l 4755 1 2 3 -1.250000000 - l to%20%0a\n\
         o 4755 1 2 3 -1.250000000 - d removed\n\
         o 4755 1 2 3 -1.250000000 - d\n"
    );
    assert_eq!(String::from_utf8(written(&lines)).expect("text"), expected);
}

#[test]
fn damaged_lines_are_told_by_number() {
    let good = "w 0 0 0 0 0.000000000 - x\n";
    for bad in [
        "x 0 0 0 0 0.0 - x",
        "w 8 0 0 0 0.0 - x",
        "w 0 0 0 0 0 - x",
        "w 0 0 0 0 0.0 abc x",
        "w 0 0 0 0 0.0 - %4",
        "w 0 0",
        "",
        "l 0 0 0 0 0.0 - a b c",
    ] {
        let text = format!("{good}{bad}\n{good}");
        let parsed: Vec<_> = lines(text.as_bytes()).collect();
        assert!(parsed[0].is_ok(), "{bad}");
        assert_eq!(parsed[1], Err(2), "{bad}");
    }
    assert_eq!(lines(b"").count(), 0);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        kind in prop::sample::select(LETTERS.map(|(kind, _)| kind).to_vec()),
        path in prop::collection::vec(1_u8.., 1..40),
        target in prop::collection::vec(1_u8.., 1..40),
        (mode, uid, gid, size) in (0_u32..0o10000, any::<u32>(), any::<u32>(), any::<u64>()),
        (seconds, nanoseconds) in (any::<i64>(), 0_u32..1_000_000_000),
        checksum in any::<Option<[u8; 16]>>(),
        removed in any::<bool>(),
    ) {
        prop_assume!(path != b".");
        let has_target = matches!(kind, LineKind::Symlink | LineKind::HardLink | LineKind::Pending);
        let line = Line {
            kind, mode, uid, gid, size, checksum,
            modified: FileTime { seconds, nanoseconds },
            path: path.into(),
            target: if has_target { target.into() } else { Cow::default() },
            removed: removed && kind == LineKind::Opaque,
        };
        let text = written(std::slice::from_ref(&line));
        let back: Vec<_> = lines(&text).collect();
        prop_assert_eq!(back, vec![Ok(line)]);
    }
}
