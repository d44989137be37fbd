//! The compressed bytes: a file that may still be growing, hashed as it is read, never past the promised size.

use super::problem::{Outcome, Problem};
use bunker_sys::file::{self, Transfer};
use bunker_sys::path;
use bunker_sys::poll::{self, Watch};
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Large enough to make system calls cheap, small enough for the second-level cache.
const BUFFER: usize = 256 * 1024;

/// A file that somebody else appends to.
pub(crate) struct Blob {
    file: OwnedFd,
    /// Counts up with every append (eventfd); without one the file must be complete.
    counter: Option<OwnedFd>,
    size: u64,
    read: u64,
    /// `read`, for those who have given this away to a decoder.
    progress: Arc<AtomicU64>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    hash: Sha256,
    problem: Option<Problem>,
}

impl Blob {
    pub(crate) fn new(file: OwnedFd, counter: Option<OwnedFd>, size: u64) -> Self {
        let buffer = vec![0; BUFFER];
        let (hash, progress) = (Sha256::new(), Arc::default());
        Self { file, counter, size, read: 0, progress, buffer, start: 0, end: 0, hash, problem: None }
    }

    /// Always tells how many bytes were read so far.
    pub(crate) fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.progress)
    }

    /// Reads what is left, for the digest, and returns it as hex.
    pub(crate) fn finish(mut self) -> Outcome<String> {
        loop {
            self.start = self.end;
            self.refill()?;
            if self.end == 0 {
                return Ok(hex(&self.hash.finalize()));
            }
        }
    }

    /// What went wrong while reading, as opposed to what the decoder did not like.
    pub(crate) fn problem(&mut self) -> Option<Problem> {
        self.problem.take()
    }

    /// Fills the empty buffer; it stays empty at the end of the blob.
    fn refill(&mut self) -> Outcome<()> {
        (self.start, self.end) = (0, 0);
        let left = usize::try_from(self.size - self.read).unwrap_or(usize::MAX);
        while left > 0 && self.end == 0 {
            let room = left.min(BUFFER);
            let count = path::read_at(self.file.as_fd(), &mut self.buffer[..room], self.read);
            self.end = count.map_err(Problem::system("reading the blob"))?;
            if self.end == 0 {
                self.wait()?;
            }
        }
        self.read += self.end as u64;
        self.progress.store(self.read, Ordering::Relaxed);
        self.hash.update(&self.buffer[..self.end]);
        Ok(())
    }

    /// Until more was appended.
    fn wait(&self) -> Outcome<()> {
        let Some(counter) = &self.counter else {
            return Err(Problem::Archive(format!("the blob ends after {} of {} bytes", self.read, self.size)));
        };
        poll::wait(&mut [Watch::new(counter.as_fd(), true, false)], -1)
            .map_err(Problem::system("waiting for the blob"))?;
        // Reading sets an eventfd to 0; what it counted does not matter, the file is asked again.
        let mut count = [0; size_of::<u64>()];
        match file::read(counter.as_fd(), &mut count).map_err(Problem::system("waiting for the blob"))? {
            Transfer::Ended => {
                Err(Problem::Archive(format!("the blob ends after {} of {} bytes", self.read, self.size)))
            }
            _ => Ok(()),
        }
    }
}

impl BufRead for Blob {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end
            && let Err(problem) = self.refill()
        {
            self.problem = Some(problem);
            return Err(io::Error::other("the blob cannot be read"));
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

impl Read for Blob {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(target)?;
        self.consume(count);
        Ok(count)
    }
}

/// A digest as it is written.
pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
