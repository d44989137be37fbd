//! DNS over TCP: each message with its length in front (RFC 1035, 4.2.2), in pieces as they come and go.

use std::io::{self, ErrorKind, Read, Write};

const LENGTH_SIZE: usize = 2;
const STEP: usize = 4096;

/// What comes in.
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    longest: usize,
}

/// A message is announced that is longer than anybody needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Inbox {
    pub(crate) fn new(longest: usize) -> Self {
        Self { bytes: Vec::new(), longest }
    }

    /// Reads what is there, but no more than what a few messages may have. Whether more may come, ever.
    pub(crate) fn fill(&mut self, mut source: impl Read) -> io::Result<bool> {
        let mut step = [0; STEP];
        while self.bytes.len() < LENGTH_SIZE + self.longest {
            match source.read(&mut step) {
                Ok(0) => return Ok(false),
                Ok(count) => self.bytes.extend_from_slice(step.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// The next whole message.
    pub(crate) fn take(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let Some((length, rest)) = self.bytes.split_first_chunk::<LENGTH_SIZE>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*length));
        if length > self.longest {
            return Err(TooLong);
        }
        let Some(message) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
        self.bytes.drain(..LENGTH_SIZE + length);
        Ok(Some(message))
    }
}

/// What goes out.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
}

impl Outbox {
    pub(crate) fn push(&mut self, message: &[u8]) {
        // A DNS message is never longer than this.
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(message.get(..usize::from(length)).unwrap_or_default());
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes as much as can be taken now.
    pub(crate) fn flush(&mut self, mut target: impl Write) -> io::Result<()> {
        while !self.bytes.is_empty() {
            match target.write(&self.bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.bytes.drain(..count.min(self.bytes.len()))),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "frame_test.rs"]
mod tests;
