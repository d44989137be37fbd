//! The archive on its way: a descriptor that is written to or read from, compressed or not.

use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::file::{self, Transfer};
use bunker_sys::path;
use bunker_sys::poll::{self, Watch};
use bunker_sys::{SysError, SysResult};
use flate2::bufread::MultiGzDecoder;
use zrip_decode::streaming::FrameDecoder;

use crate::layer::problem::{Outcome, Problem, archive};
use crate::layer::tar::{Input, Output};

const EAGAIN: i32 = 11;
const EPIPE: i32 = 32;
/// Makes system calls cheap.
const BUFFER: usize = 128 * 1024;

/// Bytes that go out. Somebody else may have made the descriptor non-blocking.
pub struct Sent {
    file: OwnedFd,
    buffer: Vec<u8>,
    pub bytes: u64,
}

impl Sent {
    pub fn new(file: OwnedFd) -> Self {
        Self { file, buffer: Vec::with_capacity(BUFFER), bytes: 0 }
    }

    pub(super) fn flush(&mut self) -> Outcome<()> {
        write_out(self.file.as_fd(), &self.buffer).map_err(Problem::system("writing the archive"))?;
        self.buffer.clear();
        Ok(())
    }
}

impl Output for Sent {
    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.bytes += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            return write_out(self.file.as_fd(), bytes).map_err(Problem::system("writing the archive"));
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }
}

fn write_out(out: BorrowedFd<'_>, mut bytes: &[u8]) -> SysResult<()> {
    while !bytes.is_empty() {
        match file::write(out, bytes)? {
            Transfer::Done(count) => bytes = &bytes[count..],
            Transfer::Later => poll::wait(&mut [Watch::new(out, false, true)], -1)?,
            Transfer::Ended => return Err(SysError::new("write(): nobody reads it", EPIPE)),
        }
    }
    Ok(())
}

/// Bytes that come in, decompressed by what they begin with.
pub struct Received {
    plain: Plain,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

enum Plain {
    Gzip(Box<MultiGzDecoder<BufReader<Incoming>>>),
    Zstd(Box<FrameDecoder<BufReader<Incoming>>>),
    Stored(BufReader<Incoming>),
}

struct Incoming(OwnedFd);

impl Read for Incoming {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        loop {
            match path::read_some(self.0.as_fd(), target) {
                Err(error) if error.errno == EAGAIN => {
                    poll::wait(&mut [Watch::new(self.0.as_fd(), true, false)], -1).map_err(|error| broken(&error))?;
                }
                other => return other.map_err(|error| broken(&error)),
            }
        }
    }
}

fn broken(error: &SysError) -> io::Error {
    io::Error::from_raw_os_error(error.errno)
}

impl Received {
    /// Looks at the first bytes, which must come: waits for them.
    ///
    /// # Errors
    /// Archive, for compressions that are not read here.
    pub(super) fn open(file: OwnedFd) -> Outcome<Self> {
        let mut incoming = BufReader::with_capacity(BUFFER, Incoming(file));
        let start = incoming.fill_buf().map_err(unreadable)?;
        let plain = match start {
            [0x1f, 0x8b, ..] => Plain::Gzip(Box::new(MultiGzDecoder::new(incoming))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Plain::Zstd(Box::new(FrameDecoder::with_limit(incoming, usize::MAX))),
            [b'B', b'Z', b'h', ..] => return archive("it is compressed with bzip2: decompress it first"),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => return archive("it is compressed with xz: decompress it first"),
            _ => Plain::Stored(incoming),
        };
        Ok(Self { plain, buffer: vec![0; BUFFER], start: 0, end: 0 })
    }
}

impl Input for Received {
    fn chunk(&mut self) -> Outcome<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            let read = match &mut self.plain {
                Plain::Gzip(decoder) => decoder.read(&mut self.buffer),
                Plain::Zstd(decoder) => decoder.read(&mut self.buffer),
                Plain::Stored(incoming) => incoming.read(&mut self.buffer),
            };
            self.end = read.map_err(unreadable)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

fn unreadable(error: io::Error) -> Problem {
    Problem::Archive(format!("reading the archive: {error}"))
}
