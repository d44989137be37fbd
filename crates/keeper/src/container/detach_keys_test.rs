//! Sequences whole, in pieces, broken off, and repeated.

use super::*;

fn scan(keys: &str, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut scanner = DetachKeys::parse(keys).expect(keys);
    let mut passed = Vec::new();
    for piece in pieces {
        let typed = scanner.scan(piece);
        passed.extend(typed.bytes);
        if typed.detach {
            return (passed, true);
        }
    }
    (passed, false)
}

#[test]
fn the_sequence_is_found_and_everything_else_passes() {
    for (keys, pieces, expected) in [
        ("ctrl-p,ctrl-q", vec![&b"ab\x10\x11cd"[..]], (&b"ab"[..], true)),
        ("ctrl-p,ctrl-q", vec![b"\x10", b"\x11"], (b"", true)),
        ("ctrl-p,ctrl-q", vec![b"\x10", b"x"], (b"\x10x", false)),
        ("ctrl-p,ctrl-q", vec![b"\x10\x10\x11"], (b"\x10", true)),
        ("ctrl-p,ctrl-q", vec![b"\x11\x10"], (b"\x11", false)),
        ("", vec![b"\x10\x11"], (b"\x10\x11", false)),
        ("a,b,c", vec![b"xxab", b"abc!"], (b"xxab", true)),
        ("ctrl-\\", vec![b"q\x1c"], (b"q", true)),
    ] {
        let (bytes, detach) = scan(keys, &pieces);
        assert_eq!((bytes.as_slice(), detach), expected, "{keys} {pieces:?}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for text in ["ctrl-", "ctrl-1", "ctrl-pp", "ab", "ctrl-p,", ",", "strg-p"] {
        assert!(DetachKeys::parse(text).is_err(), "{text}");
    }
}
