use super::*;
use proptest::prelude::*;

/// Gives its bytes in pieces, then has nothing for now.
struct Pieces(Vec<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let piece = self.0.remove(0);
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        if count < piece.len() {
            self.0.insert(0, piece[count..].to_vec());
        }
        Ok(count)
    }
}

#[test]
fn what_is_announced_too_long_is_not_waited_for() {
    let mut inbox = Inbox::new(100);
    assert!(inbox.fill(&[0, 101, 1][..]).is_ok());
    assert_eq!(inbox.take(), Err(TooLong));
}

#[test]
fn an_end_is_told_and_what_came_before_it_is_there() {
    let mut inbox = Inbox::new(100);
    assert!(!inbox.fill(&[0, 1, 7, 0, 2, 8][..]).expect("reads"));
    assert_eq!(inbox.take(), Ok(Some(vec![7])));
    assert_eq!(inbox.take(), Ok(None));
}

proptest! {
    #[test]
    fn messages_come_out_as_they_went_in(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
        size in 1_usize..50,
    ) {
        let mut outbox = Outbox::default();
        messages.iter().for_each(|message| outbox.push(message));
        let mut sent = Vec::new();
        outbox.flush(&mut sent).expect("writes");
        prop_assert!(outbox.is_empty());
        let mut pieces = Pieces(sent.chunks(size).map(<[u8]>::to_vec).collect());
        let mut inbox = Inbox::new(300);
        let mut found = Vec::new();
        while !pieces.0.is_empty() {
            prop_assert!(inbox.fill(&mut pieces).expect("reads"));
            while let Some(message) = inbox.take().expect("short enough") {
                found.push(message);
            }
        }
        prop_assert_eq!(found, messages);
    }
}

/// A stream of a stranger's, cut anywhere: whole messages come out in order, and no more is kept than one may have.
#[cfg(any(bunker_fuzz, clippy))]
#[test]
fn streams_under_the_fuzzer() {
    const LONGEST: usize = 512;
    let seeds = [vec![3, 0, 2, 7, 7, 0, 0, 0, 1, 9], vec![1, 2, 0, 0xff, 0xff], vec![200, 0, 5, 1, 2, 3]];
    crate::fuzz::run(&seeds, &[&[0, 0], &[2, 0], &[2, 1]], |bytes| {
        let Some((cut, stream)) = bytes.split_first() else { return };
        let cut = usize::from(*cut) + 1;
        let mut source = Pieces(stream.chunks(cut).map(<[u8]>::to_vec).collect());
        let (mut inbox, mut rest) = (Inbox::new(LONGEST), stream);
        loop {
            assert!(inbox.fill(&mut source).expect("no error"));
            assert!(inbox.bytes.len() < LENGTH_SIZE + LONGEST + STEP);
            match inbox.take() {
                Ok(Some(message)) => {
                    let (length, after) = rest.split_at(LENGTH_SIZE);
                    assert_eq!(usize::from(u16::from_be_bytes([length[0], length[1]])), message.len());
                    assert!(after.starts_with(&message));
                    rest = &after[message.len()..];
                }
                Ok(None) if !source.0.is_empty() => {}
                Ok(None) | Err(TooLong) => return,
            }
        }
    });
}
