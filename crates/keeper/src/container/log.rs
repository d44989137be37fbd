//! The container's log: lines `<RFC 3339 nanoseconds> stdout|stderr F|P <bytes>` (the CRI logging format; P: the line goes on),
//! byte-exact, in `log`, rotated to `log.1`, `log.2`, … Opened when there is something to write.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use bunker_runtime::spec::Log as LogSpec;
use bunker_sys::{SysResult, file, path, process};

use super::record::civil_from_days;

/// Which of the process's streams a line came from; a terminal's is standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// One container's log.
pub struct Log {
    directory: OwnedFd,
    limits: Option<Limits>,
    open: Option<(OwnedFd, u64)>,
    /// The last write may have stopped in the middle of a line.
    is_torn: bool,
}

struct Limits {
    size: u64,
    files: u32,
}

const NAME: &str = "log";

impl Log {
    /// `directory`: the container's own. Nothing is written with `Log::None`.
    pub fn new(directory: OwnedFd, spec: &LogSpec) -> Self {
        let limits = match spec {
            LogSpec::None => None,
            LogSpec::File { max_size, max_files } => Some(Limits { size: *max_size, files: (*max_files).max(1) }),
        };
        Self { directory, limits, open: None, is_torn: false }
    }

    /// Appends what was read from a stream. A full disk loses log lines, never the container.
    pub fn append(&mut self, stream: Stream, bytes: &[u8]) {
        if self.limits.is_none() || bytes.is_empty() {
            return;
        }
        let mut lines = format_lines(stream, bytes);
        if self.is_torn {
            lines.insert(0, b'\n');
        }
        self.is_torn = self.write(&lines).is_err();
    }

    fn write(&mut self, lines: &[u8]) -> SysResult<()> {
        if self.open.is_none() {
            self.open = Some(self.open_file()?);
        }
        let Some((log, size)) = &mut self.open else { return Ok(()) };
        file::write_all(log.as_fd(), lines)?;
        *size += lines.len() as u64;
        if self.limits.as_ref().is_some_and(|limits| *size >= limits.size) {
            self.open = None;
            self.rotate();
        }
        Ok(())
    }

    fn open_file(&self) -> SysResult<(OwnedFd, u64)> {
        const O_APPEND: i32 = 0o2000;
        let flags = path::O_WRONLY | path::O_CREAT | O_APPEND | path::O_NOFOLLOW;
        let log = path::open_at(self.directory.as_fd(), NAME.as_bytes(), flags, 0o600)?;
        let size = path::status(log.as_fd())?.size;
        Ok((log, size))
    }

    /// The oldest is written over by the one before it; a reader that has it open reads on.
    fn rotate(&self) {
        let directory = self.directory.as_fd();
        let files = self.limits.as_ref().map_or(1, |limits| limits.files);
        if files == 1 {
            let _ = path::remove_file_at(directory, NAME.as_bytes());
        }
        for number in (1..files).rev() {
            let from = if number == 1 { NAME.to_owned() } else { format!("{NAME}.{}", number - 1) };
            let to = format!("{NAME}.{number}");
            let _ = path::rename_at((directory, from.as_bytes()), (directory, to.as_bytes()));
        }
    }
}

/// Every line of `bytes` with its head. What follows the last newline goes on in a later entry.
fn format_lines(stream: Stream, bytes: &[u8]) -> Vec<u8> {
    let (seconds, nanoseconds) = process::wall_clock();
    let name = if stream == Stream::Stdout { "stdout" } else { "stderr" };
    let time = format_time(seconds, nanoseconds);
    let mut lines = Vec::with_capacity(bytes.len() + bytes.len() / 8 + 64);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (text, tag) = match line.split_last() {
            Some((b'\n', text)) => (text, 'F'),
            _ => (line, 'P'),
        };
        // Writing to a Vec cannot fail.
        let _ = write!(lines, "{time} {name} {tag} ");
        lines.extend_from_slice(text);
        lines.push(b'\n');
    }
    lines
}

/// RFC 3339 with nanoseconds, UTC.
pub fn format_time(seconds: i64, nanoseconds: i64) -> String {
    const DAY: i64 = 86_400;
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}Z")
}

#[cfg(test)]
#[path = "log_test.rs"]
mod tests;
