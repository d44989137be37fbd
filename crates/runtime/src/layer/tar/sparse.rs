//! Sparse files: four ways to say where the data lies, one list of segments, checked.

use super::super::limits;
use super::super::problem::{Outcome, archive, limit, shown};
use super::number;

/// An old GNU segment: offset and length, 12 bytes each.
const GNU_SEGMENT: usize = 24;
const GNU_FIELD: usize = 12;

/// Data of a sparse file: `length` bytes at `offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// The `GNU.sparse.*` records of a PAX header.
#[derive(Default)]
pub(super) struct SparseKeys {
    major: Option<u64>,
    minor: Option<u64>,
    pub(super) name: Option<Vec<u8>>,
    /// `size` (0.x) or `realsize` (1.0).
    length: Option<u64>,
    count: Option<u64>,
    /// 0.1: `map`. 0.0: `offset` and `numbytes`, in turn.
    numbers: Vec<u64>,
}

/// How a PAX header says it.
pub(super) enum SparseForm {
    /// Not sparse.
    None,
    /// 0.0 and 0.1: the list is in the header.
    Listed { segments: Vec<Segment>, length: u64 },
    /// 1.0: the list is in front of the data.
    InData { length: u64 },
}

impl SparseKeys {
    pub(super) fn is_given(&self) -> bool {
        let versions = self.major.is_some() || self.minor.is_some();
        versions || self.name.is_some() || self.length.is_some() || self.count.is_some() || !self.numbers.is_empty()
    }

    /// One record; `key` is what follows `GNU.sparse.`.
    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) -> Outcome<()> {
        match key {
            b"major" => self.major = Some(number::decimal(value, "sparse version")?),
            b"minor" => self.minor = Some(number::decimal(value, "sparse version")?),
            b"name" if value.contains(&0) => return archive("sparse file name with a NUL"),
            b"name" => self.name = Some(value.to_vec()),
            b"size" | b"realsize" => self.length = Some(number::decimal(value, "sparse file length")?),
            b"numblocks" => self.count = Some(number::decimal(value, "sparse segment count")?),
            // The order of the records counts here: pairs.
            b"offset" if self.numbers.len().is_multiple_of(2) => self.number(value)?,
            b"numbytes" if !self.numbers.len().is_multiple_of(2) => self.number(value)?,
            b"map" => {
                self.numbers.clear();
                value.split(|byte| *byte == b',').try_for_each(|number| self.number(number))?;
            }
            _ => return archive(format!("sparse record \"{}\" is unknown or out of place", shown(key))),
        }
        Ok(())
    }

    fn number(&mut self, value: &[u8]) -> Outcome<()> {
        check_count(self.numbers.len() / 2)?;
        self.numbers.push(number::decimal(value, "sparse segment")?);
        Ok(())
    }

    pub(super) fn form(&self) -> Outcome<SparseForm> {
        if !self.is_given() {
            return Ok(SparseForm::None);
        }
        let Some(length) = self.length else { return archive("sparse file without a length") };
        match (self.major.unwrap_or(0), self.minor.unwrap_or(0)) {
            (1, 0) if self.numbers.is_empty() => Ok(SparseForm::InData { length }),
            (0, 0 | 1) => {
                let segments: Vec<Segment> = self.numbers.chunks_exact(2).map(pair).collect();
                let whole = self.numbers.len().is_multiple_of(2);
                if !whole || self.count.is_some_and(|count| count != segments.len() as u64) {
                    return archive("sparse segments do not match their count");
                }
                Ok(SparseForm::Listed { segments, length })
            }
            (major, minor) => archive(format!("sparse version {major}.{minor} is unknown or has records of another")),
        }
    }
}

fn pair(numbers: &[u64]) -> Segment {
    Segment { offset: numbers[0], length: numbers[1] }
}

fn check_count(segments: usize) -> Outcome<()> {
    if segments >= limits::SPARSE_SEGMENTS {
        return limit(format!("more than {} sparse segments", limits::SPARSE_SEGMENTS));
    }
    Ok(())
}

/// Adds the segments in a part of an old GNU header; an empty field ends the list. `more`: another part is said to follow.
/// Whether it does after an empty field, GNU tar and Go do not agree.
pub(super) fn add_gnu_segments(part: &[u8], more: bool, segments: &mut Vec<Segment>) -> Outcome<()> {
    for field in part.chunks_exact(GNU_SEGMENT) {
        if field[0] == 0 || field[GNU_FIELD] == 0 {
            return if more { archive("sparse segment list that goes on after its end") } else { Ok(()) };
        }
        check_count(segments.len())?;
        let offset = number::unsigned(&field[..GNU_FIELD], "sparse offset")?;
        let length = number::unsigned(&field[GNU_FIELD..], "sparse length")?;
        segments.push(Segment { offset, length });
    }
    Ok(())
}

/// Reads the list of version 1.0: lines with a count, then that many offsets and lengths in turn.
#[derive(Default)]
pub(super) struct ListParser {
    line: Vec<u8>,
    count: Option<u64>,
    numbers: Vec<u64>,
}

impl ListParser {
    /// A u64 has at most 20 digits.
    const LINE_BYTES: usize = 20;

    /// Takes one block; the list when it is complete. What follows it in the block is padding.
    pub(super) fn take(&mut self, block: &[u8]) -> Outcome<Option<Vec<Segment>>> {
        for byte in block {
            if *byte != b'\n' {
                if self.line.len() >= Self::LINE_BYTES {
                    return archive("sparse segment list with an overlong line");
                }
                self.line.push(*byte);
                continue;
            }
            let value = number::decimal(&self.line, "sparse segment")?;
            self.line.clear();
            match self.count {
                None if value > limits::SPARSE_SEGMENTS as u64 => check_count(limits::SPARSE_SEGMENTS)?,
                None => self.count = Some(value),
                Some(_) => self.numbers.push(value),
            }
            if self.count.is_some_and(|count| count * 2 == self.numbers.len() as u64) {
                return Ok(Some(self.numbers.chunks_exact(2).map(pair).collect()));
            }
        }
        Ok(None)
    }
}

/// In order, apart, inside the file, and together exactly the data that the archive holds.
pub(super) fn check(segments: &[Segment], length: u64, stored: u64) -> Outcome<()> {
    if length > i64::MAX.cast_unsigned() {
        return archive("sparse file length is too large");
    }
    let (mut end, mut sum) = (0_u64, 0_u64);
    for segment in segments {
        let last = segment.offset.checked_add(segment.length);
        if segment.offset < end || last.is_none_or(|last| last > length) {
            return archive("sparse segments overlap, go backwards or pass the end of the file");
        }
        end = last.unwrap_or(length);
        // Cannot overflow: the segments are apart and end within `length`.
        sum += segment.length;
    }
    if sum != stored {
        return archive(format!("sparse segments have {sum} bytes, the archive {stored}"));
    }
    Ok(())
}
