//! Lines → text, into an open file.

use super::super::limits;
use super::super::problem::{Outcome, Problem, limit};
use super::{LETTERS, Line, LineKind, REMOVED, ROOT};
use bunker_sys::path::{self, FileTime};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

const BUFFER: usize = 256 * 1024;

pub(crate) struct Writer {
    file: OwnedFd,
    buffer: Vec<u8>,
    written: u64,
}

impl Writer {
    /// `file` is empty and written from its start.
    pub(crate) fn new(file: OwnedFd) -> Self {
        Self { file, buffer: Vec::with_capacity(BUFFER), written: 0 }
    }

    pub(crate) fn write(&mut self, line: &Line<'_>) -> Outcome<()> {
        self.format(line);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// To the file; whoever commits the layer makes it durable.
    pub(crate) fn flush(&mut self) -> Outcome<()> {
        self.written += self.buffer.len() as u64;
        if self.written > limits::MANIFEST_BYTES {
            return limit(format!("the list of its files is longer than {} bytes", limits::MANIFEST_BYTES));
        }
        path::write_all(self.file.as_fd(), &self.buffer).map_err(Problem::system("writing the manifest"))?;
        self.buffer.clear();
        Ok(())
    }

    fn format(&mut self, line: &Line<'_>) {
        let out = &mut self.buffer;
        let letter = LETTERS.iter().find(|(kind, _)| *kind == line.kind).map_or(b'?', |(_, letter)| *letter);
        let (sign, seconds, nanoseconds) = decimal(line.modified);
        // Writing to memory cannot fail.
        let _ = write!(
            out,
            "{} {:o} {} {} {} {sign}{seconds}.{nanoseconds:09} ",
            char::from(letter),
            line.mode,
            line.uid,
            line.gid,
            line.size
        );
        match &line.checksum {
            Some(checksum) => checksum.iter().for_each(|byte| escape_hex(out, *byte)),
            None => out.push(b'-'),
        }
        out.push(b' ');
        escape(out, if line.path.is_empty() { ROOT } else { &line.path });
        match line.kind {
            LineKind::Symlink | LineKind::HardLink | LineKind::Pending => {
                out.push(b' ');
                escape(out, &line.target);
            }
            LineKind::Opaque if line.removed => {
                out.push(b' ');
                out.extend_from_slice(REMOVED);
            }
            _ => {}
        }
        out.push(b'\n');
    }
}

/// Before 1970 the kernel counts nanoseconds forward; as one decimal number they count backwards.
fn decimal(time: FileTime) -> (&'static str, u64, u32) {
    match (time.seconds, time.nanoseconds) {
        (0.., nanoseconds) => ("", time.seconds.unsigned_abs(), nanoseconds),
        (_, 0) => ("-", time.seconds.unsigned_abs(), 0),
        (_, nanoseconds) => ("-", time.seconds.unsigned_abs() - 1, 1_000_000_000 - nanoseconds),
    }
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'%' {
            out.push(*byte);
        } else {
            out.push(b'%');
            escape_hex(out, *byte);
        }
    }
}

fn escape_hex(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}
