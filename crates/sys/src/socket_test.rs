//! Frames from a peer who does not keep to the rules: in pieces, too long, with too many descriptors, or no frames at all.

use super::*;

/// (what the peer writes on, the keeper's end).
fn connected() -> (OwnedFd, OwnedFd) {
    let (ours, theirs) = crate::client::channel::pair().expect("a pair");
    crate::file::set_nonblocking(ours.as_fd()).expect("non-blocking");
    (theirs, ours)
}

fn write(to: &OwnedFd, bytes: &[u8]) {
    crate::file::write_all(to.as_fd(), bytes).expect("writes");
}

/// Bodies until something else comes, and whether that was the end.
fn take_all(inbox: &mut Inbox, from: &OwnedFd) -> (Vec<Vec<u8>>, bool) {
    let mut bodies = Vec::new();
    loop {
        match inbox.receive(from.as_fd()).expect("receives") {
            Arrival::Frame { body, .. } => bodies.push(body),
            Arrival::Later => return (bodies, false),
            Arrival::Ended => return (bodies, true),
        }
    }
}

#[test]
fn frames_come_whole_however_they_are_cut() {
    let frames: [&[u8]; 4] = [b"{}", b"", b"longer than a header", b"x"];
    let stream: Vec<u8> = frames
        .iter()
        .flat_map(|body| [&u32::try_from(body.len()).expect("fits").to_le_bytes()[..], body].concat())
        .collect();
    for step in 1..=stream.len() {
        let (theirs, ours) = connected();
        let mut inbox = Inbox::default();
        let mut bodies = Vec::new();
        for piece in stream.chunks(step) {
            write(&theirs, piece);
            let (come, ended) = take_all(&mut inbox, &ours);
            assert!(!ended, "step {step}");
            bodies.extend(come);
        }
        assert_eq!(bodies, frames, "step {step}");
        drop(theirs);
        assert!(take_all(&mut inbox, &ours).1, "step {step}");
    }
}

#[test]
fn a_frame_that_announces_too_much_is_the_end() {
    for length in [u32::MAX, u32::try_from(FRAME_LIMIT).expect("fits") + 1, 1 << 31] {
        let (theirs, ours) = connected();
        write(&theirs, &[&length.to_le_bytes()[..], b"and the beginning"].concat());
        let mut inbox = Inbox::default();
        assert_eq!(take_all(&mut inbox, &ours), (Vec::new(), true), "{length}");
        // No memory is taken for what was only announced.
        assert!(inbox.body.capacity() < FRAME_LIMIT);
    }
}

#[test]
fn more_descriptors_than_a_frame_may_have_are_the_end() {
    let (theirs, ours) = connected();
    let null = files::open("/dev/null", libc::O_RDONLY).expect("/dev/null");
    let header = 1000_u32.to_le_bytes();
    let numbers = vec![null.as_raw_fd(); FRAME_FD_LIMIT];
    let send = |bytes: &[u8], fds: &[i32]| crate::client::channel::send_part(theirs.as_raw_fd(), [bytes, &[]], fds);
    assert_eq!(send(&header, &numbers), 4);
    let mut inbox = Inbox::default();
    assert_eq!(take_all(&mut inbox, &ours), (Vec::new(), false));
    // Each further byte could bring as many again.
    assert_eq!(send(b"x", &numbers), 1);
    assert_eq!(take_all(&mut inbox, &ours), (Vec::new(), true));
}

#[test]
fn descriptors_stay_with_their_frame() {
    let (theirs, ours) = connected();
    let null = files::open("/dev/null", libc::O_RDONLY).expect("/dev/null");
    for (body, count) in [("one", 2_usize), ("two", 0), ("three", 1)] {
        crate::client::channel::send(theirs.as_raw_fd(), body, &vec![null.as_raw_fd(); count]).expect("sends");
    }
    let mut inbox = Inbox::default();
    let mut come = Vec::new();
    while let Arrival::Frame { body, fds } = inbox.receive(ours.as_fd()).expect("receives") {
        come.push((String::from_utf8(body).expect("text"), fds.len()));
    }
    assert_eq!(come, [("one".to_owned(), 2), ("two".to_owned(), 0), ("three".to_owned(), 1)]);
}

#[test]
fn nobody_is_its_own_peer() {
    let (_theirs, ours) = connected();
    assert!(peer_process(&ours).expect("asks").is_none());
}
