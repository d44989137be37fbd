//! Three threads, so that two processors are busy: one reads, hashes and decompresses the blob, one hashes the plain bytes,
//! and the caller takes them apart and writes files. Between them a fixed set of buffers goes round: memory is bounded,
//! and whoever is ahead waits.

use super::blob::{Blob, hex};
use super::decompress::Plain;
use super::limits::{Limits, RATIO_FROM};
use super::problem::{Outcome, Problem, limit};
use super::tar::Input;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

/// A multiple of tar's blocks, so that no header is ever cut. Measured: larger ones leave the cache, smaller ones cost
/// more in handing over.
const BUFFER: usize = 256 * 1024;
const BUFFERS: usize = 16;

/// Plain bytes; goes back to the pool when all are done with it.
struct Chunk {
    bytes: Vec<u8>,
    length: usize,
    pool: Sender<Vec<u8>>,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // Nobody waits for it any more when this fails.
        let _ = self.pool.send(std::mem::take(&mut self.bytes));
    }
}

/// The plain bytes as the caller reads them. Dropping it tells the others that nobody wants more.
pub(crate) struct Chunks {
    chunks: Receiver<Arc<Chunk>>,
    current: Option<Arc<Chunk>>,
    position: usize,
}

impl Input for Chunks {
    fn chunk(&mut self) -> Outcome<&[u8]> {
        if self.current.as_ref().is_none_or(|chunk| self.position == chunk.length) {
            // Given back before waiting for another.
            self.current = None;
            self.current = self.chunks.recv().ok();
            self.position = 0;
        }
        Ok(self.current.as_ref().map_or(&[], |chunk| &chunk.bytes[self.position..chunk.length]))
    }

    fn consume(&mut self, count: usize) {
        self.position += count;
    }
}

/// What became of the blob.
pub(crate) struct Produced {
    /// Why there are no more plain bytes, if that was not the end.
    pub(crate) outcome: Outcome<()>,
    /// sha256 of the blob in hex, where it was read to its end.
    pub(crate) digest: Option<String>,
}

/// The plain bytes' sha256 in hex, and how many there were.
pub(crate) struct Hashed {
    pub(crate) digest: String,
    pub(crate) size: u64,
}

/// The two other threads.
pub(crate) struct Pipeline {
    producer: JoinHandle<Produced>,
    hasher: JoinHandle<Hashed>,
}

impl Pipeline {
    /// `stored`: see `Plain::new`.
    pub(crate) fn start(blob: Blob, stored: bool, limits: Limits) -> (Self, Chunks) {
        let (to_parser, chunks) = sync_channel(BUFFERS);
        let (to_hasher, hashed) = sync_channel(BUFFERS);
        let producer = std::thread::spawn(move || produce(blob, stored, &Sinks { limits, to_parser, to_hasher }));
        let hasher = std::thread::spawn(move || hash(&hashed));
        (Self { producer, hasher }, Chunks { chunks, current: None, position: 0 })
    }

    /// Waits for both; `Chunks` must be at its end or dropped.
    pub(crate) fn join(self) -> Outcome<(Produced, Hashed)> {
        // Only a bug makes a thread panic (and in release builds the process aborts then).
        let gone = |_| Problem::Archive("a thread of the unpacker failed".to_owned());
        Ok((self.producer.join().map_err(gone)?, self.hasher.join().map_err(gone)?))
    }
}

struct Sinks {
    limits: Limits,
    to_parser: SyncSender<Arc<Chunk>>,
    to_hasher: SyncSender<Arc<Chunk>>,
}

fn hash(chunks: &Receiver<Arc<Chunk>>) -> Hashed {
    let mut hash = Sha256::new();
    let mut size = 0;
    for chunk in chunks {
        hash.update(&chunk.bytes[..chunk.length]);
        size += chunk.length as u64;
    }
    Hashed { digest: hex(&hash.finalize()), size }
}

fn produce(blob: Blob, stored: bool, sinks: &Sinks) -> Produced {
    let progress = blob.progress();
    let mut plain = Plain::new(Box::new(blob), stored);
    let outcome = decompress(&mut plain, sinks, || progress.load(Ordering::Relaxed));
    let mut blob = plain.into_blob();
    let outcome = match blob.problem() {
        Some(problem) => Err(problem),
        None => outcome,
    };
    match outcome {
        // Broken, or refused by the parser: was it damaged on the way? The digest tells, so read on for that.
        Ok(()) | Err(Problem::Archive(_) | Problem::Cut) => match blob.finish() {
            Ok(digest) => Produced { outcome, digest: Some(digest) },
            Err(problem) => Produced { outcome: Err(problem), digest: None },
        },
        Err(_) => Produced { outcome, digest: None },
    }
}

fn decompress(plain: &mut Plain, sinks: &Sinks, compressed: impl Fn() -> u64) -> Outcome<()> {
    let (pool, free) = channel::<Vec<u8>>();
    for _ in 0..BUFFERS {
        let _ = pool.send(Vec::new());
    }
    let mut total = 0;
    loop {
        // Cannot fail: we hold a sender ourselves.
        let Ok(mut bytes) = free.recv() else { return Ok(()) };
        bytes.resize(BUFFER, 0);
        let length = fill(plain, &mut bytes)?;
        if length == 0 {
            return Ok(());
        }
        total += length as u64;
        check(total, compressed(), sinks.limits)?;
        let chunk = Arc::new(Chunk { bytes, length, pool: pool.clone() });
        if sinks.to_parser.send(Arc::clone(&chunk)).is_err() {
            return Err(Problem::Cut);
        }
        // Ends only after the parser's.
        let _ = sinks.to_hasher.send(chunk);
    }
}

fn fill(plain: &mut Plain, buffer: &mut [u8]) -> Outcome<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match plain.read(&mut buffer[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) => return Err(Problem::Archive(format!("{}: {error}", plain.name()))),
        }
    }
    Ok(done)
}

fn check(plain: u64, compressed: u64, limits: Limits) -> Outcome<()> {
    if plain > limits.bytes {
        return limit(format!("{compressed} compressed bytes give more than {} plain ones", limits.bytes));
    }
    if plain > RATIO_FROM && plain / limits.ratio.max(1) > compressed {
        return limit(format!(
            "{compressed} compressed bytes give {plain} plain ones, more than {} times as many",
            limits.ratio
        ));
    }
    Ok(())
}
