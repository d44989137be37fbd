//! Writing archives: POSIX ustar, with a PAX header before each entry that does not fit in one (pax(1), "ustar Interchange
//! Format" and "pax Extended Header"). Names and attributes are bytes and stay what they are.

use std::fmt::Write as _;
use std::ops::Range;

use super::header::{BLOCK, CHECKSUM, GID, LINK, MAGIC, MODE, MODIFIED, NAME, SIZE, TYPE, UID};
use super::{Entry, EntryKind};
use crate::layer::problem::Outcome;

const DEVICE_NUMBERS: [Range<usize>; 2] = [329..337, 337..345];
/// Largest values of octal fields with 7 and with 11 digits.
const HIGHEST_ID: u64 = 0o7_777_777;
const HIGHEST_SIZE: u64 = 0o77_777_777_777;
/// What a PAX header is called, for readers that take it for a file.
const PAX_NAME: &[u8] = b"PaxHeaders/entry";
const PAX_MODE: u32 = 0o644;
/// An archive ends with two blocks of zeros.
const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Where the bytes go.
pub(crate) trait Output {
    fn write(&mut self, bytes: &[u8]) -> Outcome<()>;
}

/// Writes entries one after the other. Who announces `size` bytes of data writes exactly as many.
pub(crate) struct Writer<O> {
    output: O,
    /// Behind the present entry's data, to the next block.
    padding: usize,
}

impl<O: Output> Writer<O> {
    pub(crate) fn new(output: O) -> Self {
        Self { output, padding: 0 }
    }

    /// The headers of an entry; `entry.size` bytes of data follow if it is a file. Sparse files are written with their holes.
    pub(crate) fn begin(&mut self, entry: &Entry) -> Outcome<()> {
        self.pad()?;
        let records = pax_records(entry);
        if !records.is_empty() {
            let header = Entry { path: PAX_NAME.to_vec(), mode: PAX_MODE, ..Entry::default() };
            self.output.write(&block(&header, b'x', records.len() as u64))?;
            self.padding = padding(records.len() as u64);
            self.data(&records)?;
            self.pad()?;
        }
        let size = if entry.kind == EntryKind::File { entry.size } else { 0 };
        self.padding = padding(size);
        self.output.write(&block(entry, type_of(entry.kind), size))
    }

    /// A part of the present entry's data.
    pub(crate) fn data(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.output.write(bytes)
    }

    /// The end of the archive. @returns where it went
    pub(crate) fn finish(mut self) -> Outcome<O> {
        self.pad()?;
        self.output.write(&END)?;
        Ok(self.output)
    }

    fn pad(&mut self) -> Outcome<()> {
        let count = std::mem::take(&mut self.padding);
        if count == 0 { Ok(()) } else { self.output.write(&END[..count]) }
    }
}

fn padding(size: u64) -> usize {
    // Below a block: it fits.
    (size.next_multiple_of(BLOCK as u64) - size) as usize
}

fn type_of(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::File => b'0',
        EntryKind::HardLink => b'1',
        EntryKind::Symlink => b'2',
        EntryKind::Device => b'3',
        EntryKind::Directory => b'5',
        EntryKind::Fifo => b'6',
    }
}

/// A directory's name ends in a slash, as every writer's does.
fn name_of(entry: &Entry) -> Vec<u8> {
    let mut name = entry.path.clone();
    if entry.kind == EntryKind::Directory && name.last() != Some(&b'/') {
        name.push(b'/');
    }
    name
}

/// What the block cannot hold; empty for most entries.
fn pax_records(entry: &Entry) -> Vec<u8> {
    let mut records = Vec::new();
    let name = name_of(entry);
    if name.len() > NAME.len() {
        add_record(&mut records, b"path", &name);
    }
    if entry.target.len() > LINK.len() {
        add_record(&mut records, b"linkpath", &entry.target);
    }
    for (key, id) in [("uid", entry.uid), ("gid", entry.gid)] {
        if u64::from(id) > HIGHEST_ID {
            add_record(&mut records, key.as_bytes(), id.to_string().as_bytes());
        }
    }
    if entry.kind == EntryKind::File && entry.size > HIGHEST_SIZE {
        add_record(&mut records, b"size", entry.size.to_string().as_bytes());
    }
    if let Some(time) = pax_time(entry) {
        add_record(&mut records, b"mtime", time.as_bytes());
    }
    // A key ends at its first `=`: what has one in its name cannot be said.
    for (name, value) in entry.attributes.iter().filter(|(name, _)| !name.contains(&b'=')) {
        add_record(&mut records, &[b"SCHILY.xattr.", name.as_slice()].concat(), value);
    }
    records
}

/// A time with a fraction, before 1970 or after 2242.
fn pax_time(entry: &Entry) -> Option<String> {
    const NANOSECONDS: i64 = 1_000_000_000;
    let (seconds, nanoseconds) = (entry.modified.seconds, i64::from(entry.modified.nanoseconds));
    let fits = u64::try_from(seconds).is_ok_and(|seconds| seconds <= HIGHEST_SIZE);
    if fits && nanoseconds == 0 {
        return None;
    }
    // The fraction of the kernel's time counts upwards, that of a decimal number away from zero.
    let (sign, seconds, fraction) = if seconds < 0 && nanoseconds > 0 {
        ("-", -(seconds + 1), NANOSECONDS - nanoseconds)
    } else {
        (if seconds < 0 { "-" } else { "" }, seconds.saturating_abs(), nanoseconds)
    };
    let mut text = format!("{sign}{seconds}");
    if fraction != 0 {
        let _ = write!(text, ".{fraction:09}");
    }
    Some(text)
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn add_record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    const SPACE_EQUALS_NEWLINE: usize = 3;
    let rest = key.len() + value.len() + SPACE_EQUALS_NEWLINE;
    let mut length = rest + rest.to_string().len();
    if length.to_string().len() != rest.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.push(b' ');
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn block(entry: &Entry, kind: u8, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put_text(&mut block[NAME], &name_of(entry));
    put_text(&mut block[LINK], &entry.target);
    put_octal(&mut block[MODE], entry.mode.into());
    put_octal(&mut block[UID], u64::from(entry.uid).min(HIGHEST_ID));
    put_octal(&mut block[GID], u64::from(entry.gid).min(HIGHEST_ID));
    put_octal(&mut block[SIZE], size.min(HIGHEST_SIZE));
    put_octal(&mut block[MODIFIED], u64::try_from(entry.modified.seconds).unwrap_or(0).min(HIGHEST_SIZE));
    block[TYPE] = kind;
    block[MAGIC].copy_from_slice(b"ustar\x0000");
    for range in DEVICE_NUMBERS {
        put_octal(&mut block[range], 0);
    }
    block[CHECKSUM].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    // Six digits, a NUL, and the space that is there.
    put_octal(&mut block[CHECKSUM.start..CHECKSUM.end - 1], sum);
    block
}

/// As much of a text as there is room for: what is longer has a PAX record.
fn put_text(field: &mut [u8], text: &[u8]) {
    let count = text.len().min(field.len());
    field[..count].copy_from_slice(&text[..count]);
}

/// Octal digits up to the NUL at the field's end; the value fits.
fn put_octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let text = format!("{value:0digits$o}");
    field[..digits].copy_from_slice(text.as_bytes());
}

#[cfg(test)]
#[path = "writer_test.rs"]
mod tests;
