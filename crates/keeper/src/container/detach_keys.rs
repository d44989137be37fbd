//! The keys that leave an attached terminal: docker's syntax, found in the stream of what is typed.

use bunker_runtime::{Failure, FailureCode};

/// A key sequence, and how much of it was just typed.
#[derive(Default)]
pub struct DetachKeys {
    keys: Vec<u8>,
    typed: usize,
}

/// What is to be passed on of what was typed.
pub struct Typed {
    pub bytes: Vec<u8>,
    pub detach: bool,
}

impl DetachKeys {
    /// Parses `ctrl-p,ctrl-q` or single characters, comma-separated; empty: no way to detach.
    ///
    /// # Errors
    /// `BadRequest` for what is no key.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let keys = text.split(',').map(parse_key).collect::<Option<_>>();
        let bad = || Failure::new(FailureCode::BadRequest, format!("invalid detach keys \"{text}\""));
        Ok(Self { keys: keys.ok_or_else(bad)?, typed: 0 })
    }

    /// Looks for the sequence. Its beginning is held back until it is clear whether the rest follows.
    pub fn scan(&mut self, input: &[u8]) -> Typed {
        let mut bytes = Vec::with_capacity(input.len());
        for byte in input {
            if self.keys.get(self.typed) != Some(byte) {
                bytes.extend_from_slice(&self.keys[..self.typed]);
                self.typed = 0;
            }
            if self.keys.get(self.typed) == Some(byte) {
                self.typed += 1;
                if self.typed == self.keys.len() {
                    self.typed = 0;
                    return Typed { bytes, detach: true };
                }
            } else {
                bytes.push(*byte);
            }
        }
        Typed { bytes, detach: false }
    }
}

/// `ctrl-` and a letter or one of `@[\]^_` is the control character (ascii(7)).
fn parse_key(word: &str) -> Option<u8> {
    if let [byte] = word.as_bytes() {
        return Some(*byte);
    }
    match word.strip_prefix("ctrl-")?.as_bytes() {
        [letter @ (b'a'..=b'z' | b'@' | b'[' | b'\\' | b']' | b'^' | b'_')] => Some(letter.to_ascii_uppercase() & 0x1f),
        _ => None,
    }
}

#[cfg(test)]
#[path = "detach_keys_test.rs"]
mod tests;
