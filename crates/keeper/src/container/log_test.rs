//! Times, lines in pieces, rotation.

use super::*;

fn text(stream: Stream, bytes: &[u8]) -> String {
    let lines = String::from_utf8(format_lines(stream, bytes)).expect("UTF-8");
    // Without the times.
    lines.lines().map(|line| line.split_once(' ').expect("a time").1.to_owned() + "|").collect()
}

#[test]
fn times_are_rfc_3339_with_nanoseconds() {
    for (seconds, nanoseconds, expected) in [
        (0, 0, "1970-01-01T00:00:00.000000000Z"),
        (951_782_400, 5, "2000-02-29T00:00:00.000000005Z"),
        (1_795_568_930, 123_456_789, "2026-11-25T01:08:50.123456789Z"),
        (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
    ] {
        assert_eq!(format_time(seconds, nanoseconds), expected);
    }
}

#[test]
fn lines_are_full_and_what_goes_on_is_partial() {
    for (bytes, expected) in [
        (&b"a\nb\n"[..], "stdout F a|stdout F b|"),
        (b"a\nb", "stdout F a|stdout P b|"),
        (b"\n", "stdout F |"),
        (b"no newline", "stdout P no newline|"),
    ] {
        assert_eq!(text(Stream::Stdout, bytes), expected);
    }
    assert_eq!(text(Stream::Stderr, b"x\n"), "stderr F x|");
}

#[test]
fn a_full_log_is_rotated_and_the_oldest_goes() {
    let place = tempfile::tempdir().expect("makes a directory");
    let directory = OwnedFd::from(std::fs::File::open(place.path()).expect("opens"));
    let mut log = Log::new(directory, &LogSpec::File { max_size: 200, max_files: 3 });
    for number in 0..40 {
        log.append(Stream::Stdout, format!("line {number}\n").as_bytes());
    }
    let mut names: Vec<_> =
        std::fs::read_dir(place.path()).expect("lists").flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert!(names == ["log", "log.1", "log.2"] || names == ["log.1", "log.2"], "{names:?}");
    let newest = std::fs::read_to_string(place.path().join("log.1")).expect("reads");
    let older = std::fs::read_to_string(place.path().join("log.2")).expect("reads");
    assert!(newest > older && newest.len() < 300);
}
