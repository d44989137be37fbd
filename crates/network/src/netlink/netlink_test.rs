use super::message::{NLMSG_ERROR, Reply};
use super::{Attributes, Message};
use proptest::prelude::*;

#[test]
fn a_message_is_what_netlink_7_says() {
    let attributes = Attributes::new().with_text(3, "br").with_nested(18, &Attributes::new().with_be32(1, 2));
    let mut bytes = Vec::new();
    Message::new(16, &[7, 0, 0, 0], &attributes).creating().write(9, &mut bytes);
    let mut expected = Vec::new();
    expected.extend(40_u32.to_ne_bytes());
    expected.extend(16_u16.to_ne_bytes());
    expected.extend(0x605_u16.to_ne_bytes());
    expected.extend(9_u32.to_ne_bytes());
    expected.extend([0, 0, 0, 0, 7, 0, 0, 0]);
    expected.extend(7_u16.to_ne_bytes());
    expected.extend(3_u16.to_ne_bytes());
    expected.extend(b"br\0\0");
    expected.extend(12_u16.to_ne_bytes());
    expected.extend(0x8012_u16.to_ne_bytes());
    expected.extend(8_u16.to_ne_bytes());
    expected.extend(1_u16.to_ne_bytes());
    expected.extend([0, 0, 0, 2]);
    assert_eq!(bytes, expected);
}

#[test]
fn an_error_carries_the_kernels_words() {
    let mut body = (-17_i32).to_ne_bytes().to_vec();
    body.extend([0; 16]);
    body.extend(Attributes::new().with_text(1, "File exists here").as_bytes());
    let reply = Reply { kind: NLMSG_ERROR, body };
    let error = reply.failure("add bridge x").expect("an error");
    assert_eq!(error.to_string(), "add bridge x (File exists here) → EEXIST");
    assert_eq!(Reply { kind: NLMSG_ERROR, body: vec![0; 20] }.failure("x"), None);
}

proptest! {
    #[test]
    fn what_was_written_is_read(kind in 20_u16..999, fixed in prop::collection::vec(any::<u8>(), 4..=4), text in "[a-z]{0,20}") {
        let mut bytes = Vec::new();
        Message::new(kind, &fixed, &Attributes::new().with_u32(1, 5).with_text(2, &text)).write(1, &mut bytes);
        Message::new(kind, &fixed, &Attributes::new()).write(2, &mut bytes);
        let replies = Reply::all(&bytes);
        prop_assert_eq!(replies.len(), 2);
        prop_assert_eq!(replies[0].kind, kind);
        let read = replies[0].attribute(4, 2).map(<[u8]>::to_vec);
        prop_assert_eq!(read, Some(format!("{text}\0").into_bytes()));
        prop_assert_eq!(replies[0].attribute(4, 9), None);
    }

    #[test]
    fn whatever_comes_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for reply in Reply::all(&bytes) {
            let _ = reply.attribute(16, 3);
            let _ = reply.number(4);
            let _ = reply.failure("x");
        }
    }
}

/// What the kernel says of links, routes and nftables, damaged: it is read to an end, and never beyond it.
#[cfg(any(bunker_fuzz, clippy))]
#[test]
fn replies_under_the_fuzzer() {
    let attributes = Attributes::new().with_text(3, "br").with_nested(18, &Attributes::new().with_be32(1, 2));
    let mut link = Vec::new();
    Message::new(16, &[0; 16], &attributes).creating().write(9, &mut link);
    let mut failure = Vec::new();
    let words = Attributes::new().with_text(1, "no such table");
    let fixed = [&(-2_i32).to_ne_bytes()[..], &[0; 16]].concat();
    Message::new(NLMSG_ERROR, &fixed, &words).write(1, &mut failure);
    let seeds = [link.clone(), failure.clone(), [link, failure].concat()];
    let words: [&[u8]; 4] = [&[2, 0], &[4, 0, 1, 0], &16_u32.to_ne_bytes(), &i32::MIN.to_ne_bytes()];
    crate::fuzz::run(&seeds, &words, |bytes| {
        let replies = Reply::all(bytes);
        assert!(replies.iter().map(|reply| reply.body.len() + 16).sum::<usize>() <= bytes.len());
        for reply in replies {
            drop(reply.failure("a call").map(|error| error.to_string()));
            for (fixed, kind) in [(0, 1), (4, 3), (16, 18), (65_535, 1)] {
                assert!(reply.attribute(fixed, kind).is_none_or(|value| value.len() <= reply.body.len()));
            }
            for offset in [0, 4, 65_535] {
                let _ = reply.number(offset);
            }
        }
    });
}
