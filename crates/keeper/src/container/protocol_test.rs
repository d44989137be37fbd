//! Requests that are none: each is refused with a reason, none makes the keeper stumble.

use super::*;

fn refusal(body: &[u8]) -> String {
    match parse(body) {
        Err(failure) => failure.message,
        Ok(_) => panic!("{} was taken", String::from_utf8_lossy(body)),
    }
}

#[test]
fn what_is_no_request_is_refused_with_a_reason() {
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let cases: [&[u8]; 16] = [
        b"",
        b"\0",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"{\"op\":\"start\"}",
        b"{\"version\":1}",
        b"{\"version\":1,\"op\":null}",
        b"{\"version\":1,\"op\":\"fly\"}",
        b"{\"version\":-1,\"op\":\"start\"}",
        b"{\"version\":1e99,\"op\":\"start\"}",
        b"{\"version\":\"1\",\"op\":\"start\"}",
        b"{\"version\":1,\"op\":\"signal\",\"signal\":99999999999}",
        b"{\"version\":1,\"op\":\"create\",\"spec\":{\"version\":1}}",
        &deep,
    ];
    for body in cases {
        assert!(
            refusal(body).contains("request to the keeper"),
            "{}",
            String::from_utf8_lossy(&body[..body.len().min(80)])
        );
    }
    let newer = format!("{{\"version\":{},\"op\":\"start\"}}", SPEC_VERSION + 1);
    assert!(refusal(newer.as_bytes()).contains(&format!("speaks version {SPEC_VERSION}")));
}

/// Bytes of a good request changed, cut and doubled: never a panic.
#[test]
fn damaged_requests_are_taken_or_refused() {
    let good = br#"{"version":1,"op":"attach","stdin":true,"stdout":true,"detachKeys":"ctrl-p,ctrl-q"}"#;
    assert!(parse(good).is_ok());
    for at in 0..good.len() {
        for byte in [0, b'"', b'{', b'9', 0xff] {
            let mut changed = good.to_vec();
            changed[at] = byte;
            let _ = parse(&changed);
        }
        let _ = parse(&good[..at]);
        let _ = parse(&[&good[..at], &good[..]].concat());
    }
}
