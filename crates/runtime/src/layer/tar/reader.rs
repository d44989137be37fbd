//! The stream: blocks, extension headers, entries, their data, and the end.

use super::Entry;
use super::extensions::Extensions;
use super::header::{BLOCK, Header, more_segments};
use super::pax::Globals;
use super::sparse::{self, ListParser, Segment, SparseForm};
use crate::layer::limits;
use crate::layer::problem::{Outcome, Problem, archive, limit};

/// Where the bytes come from.
pub(crate) trait Input {
    /// The bytes at hand, at least one; empty only at the end.
    fn chunk(&mut self) -> Outcome<&[u8]>;
    /// The first `count` of those are used up.
    fn consume(&mut self, count: usize);
}

/// Reads entries one after the other; the data of one that was not read is skipped.
pub(crate) struct Reader<I> {
    input: I,
    globals: Globals,
    /// Of the present entry's data, still unread; and the padding after it.
    data_left: u64,
    padding: u64,
}

impl<I: Input> Reader<I> {
    pub(crate) fn new(input: I) -> Self {
        Self { input, globals: Globals::default(), data_left: 0, padding: 0 }
    }

    /// Reads the next entry's headers into `entry`. `false`: the archive is at its end.
    pub(crate) fn next(&mut self, entry: &mut Entry) -> Outcome<bool> {
        self.skip_rest()?;
        // Until the next name is known, what goes wrong goes wrong at none.
        entry.path.clear();
        let mut extensions = Extensions::default();
        let (mut headers, mut bytes) = (0, 0);
        loop {
            let Some(block) = self.header_block()? else {
                return if headers == 0 { Ok(false) } else { archive("the archive ends after an extension header") };
            };
            let header = Header::new(block)?;
            let kind = header.kind();
            if !matches!(kind, b'x' | b'g' | b'L' | b'K') {
                self.enter(entry, &header, extensions)?;
                return Ok(true);
            }
            headers += 1;
            let size = header.size()?;
            bytes = size.saturating_add(bytes);
            if headers > limits::EXTENSION_HEADERS || bytes > limits::METADATA_BYTES {
                return limit(format!("extension headers: {headers} of together {bytes} bytes before one entry"));
            }
            let data = self.extension_data(size)?;
            if kind == b'g' { self.globals.apply(&data)? } else { extensions.take(kind, &data)? }
        }
    }

    /// Hands out the present entry's data as stored, piece by piece (of a sparse file: its segments, one after the other).
    pub(crate) fn read_data(&mut self, mut take: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        while self.data_left > 0 {
            let chunk = self.input.chunk()?;
            if chunk.is_empty() {
                return truncated();
            }
            let count = chunk.len().min(usize::try_from(self.data_left).unwrap_or(usize::MAX));
            take(&chunk[..count])?;
            self.input.consume(count);
            self.data_left -= count as u64;
        }
        Ok(())
    }

    /// Reads on to the end of the stream: what follows the end of the archive counts for the digest.
    pub(crate) fn finish(&mut self) -> Outcome<()> {
        loop {
            let count = self.input.chunk()?.len();
            if count == 0 {
                return Ok(());
            }
            self.input.consume(count);
        }
    }

    fn enter(&mut self, entry: &mut Entry, header: &Header, extensions: Extensions) -> Outcome<()> {
        let (stored, form) = extensions.apply(header, &self.globals, entry)?;
        self.data_left = stored;
        self.padding = stored.next_multiple_of(BLOCK as u64) - stored;
        entry.size = stored;
        entry.sparse = None;
        let (segments, length) = match form {
            _ if header.kind() == b'S' => self.gnu_segments(header)?,
            SparseForm::None => return Ok(()),
            SparseForm::Listed { segments, length } => (segments, length),
            SparseForm::InData { length } => (self.listed_segments()?, length),
        };
        sparse::check(&segments, length, self.data_left)?;
        entry.size = length;
        entry.sparse = Some(segments);
        Ok(())
    }

    /// Old GNU: more blocks of segments may follow the header; they do not count as data.
    fn gnu_segments(&mut self, header: &Header) -> Outcome<(Vec<Segment>, u64)> {
        let (part, mut more, length) = header.gnu_sparse()?;
        let mut segments = Vec::new();
        sparse::add_gnu_segments(part, more, &mut segments)?;
        while more {
            let block = self.block()?;
            let (part, follows) = more_segments(&block);
            sparse::add_gnu_segments(part, follows, &mut segments)?;
            more = follows;
        }
        Ok((segments, length))
    }

    /// PAX 1.0: the list is the first part of the data, padded to a block.
    fn listed_segments(&mut self) -> Outcome<Vec<Segment>> {
        let mut parser = ListParser::default();
        loop {
            if self.data_left < BLOCK as u64 {
                return archive("sparse segment list is longer than the data");
            }
            let block = self.block()?;
            self.data_left -= BLOCK as u64;
            if let Some(segments) = parser.take(&block)? {
                return Ok(segments);
            }
        }
    }

    /// The next header block. `None` at the end: two blocks of zeros, or no more bytes where a header could begin.
    fn header_block(&mut self) -> Outcome<Option<[u8; BLOCK]>> {
        if self.input.chunk()?.is_empty() {
            return Ok(None);
        }
        let block = self.block()?;
        if block.iter().any(|byte| *byte != 0) {
            return Ok(Some(block));
        }
        if self.input.chunk()?.is_empty() || self.block()?.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        archive("one block of zeros between entries")
    }

    fn block(&mut self) -> Outcome<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        Ok(block)
    }

    fn extension_data(&mut self, size: u64) -> Outcome<Vec<u8>> {
        let size = usize::try_from(size).map_err(|_| Problem::Limit("extension header is too large".to_owned()))?;
        let mut data = vec![0; size.next_multiple_of(BLOCK)];
        self.fill(&mut data)?;
        data.truncate(size);
        Ok(data)
    }

    fn fill(&mut self, target: &mut [u8]) -> Outcome<()> {
        let mut done = 0;
        while done < target.len() {
            let chunk = self.input.chunk()?;
            if chunk.is_empty() {
                return truncated();
            }
            let count = chunk.len().min(target.len() - done);
            target[done..done + count].copy_from_slice(&chunk[..count]);
            self.input.consume(count);
            done += count;
        }
        Ok(())
    }

    fn skip_rest(&mut self) -> Outcome<()> {
        self.read_data(|_| Ok(()))?;
        self.data_left = std::mem::take(&mut self.padding);
        self.read_data(|_| Ok(()))
    }
}

fn truncated<T>() -> Outcome<T> {
    archive("the archive ends within an entry")
}
