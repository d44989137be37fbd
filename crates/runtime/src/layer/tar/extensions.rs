//! What the extension headers before an entry say about it, and how that is laid over the entry's own header.

use super::header::{Header, text};
use super::pax::{Globals, Records};
use super::sparse::{SparseForm, SparseKeys};
use super::{Entry, EntryKind};
use crate::layer::problem::{Outcome, archive, shown};

/// Gathered from `x`, `L` and `K` headers.
#[derive(Default)]
pub(super) struct Extensions {
    records: Option<Records>,
    long_path: Option<Vec<u8>>,
    long_target: Option<Vec<u8>>,
}

impl Extensions {
    pub(super) fn take(&mut self, kind: u8, data: &[u8]) -> Outcome<()> {
        match kind {
            b'L' => self.long_path = Some(text(data)).filter(|name| !name.is_empty()).map(<[u8]>::to_vec),
            b'K' => self.long_target = Some(text(data)).filter(|name| !name.is_empty()).map(<[u8]>::to_vec),
            // GNU tar and Go replace the first by the second, others merge them.
            _ if self.records.is_some() => return archive("two PAX headers for one entry"),
            _ => self.records = Some(Records::parse(data)?),
        }
        Ok(())
    }

    /// Fills `entry` from its header and from these; tells how many bytes of data the archive holds for it, and how its
    /// sparse segments are said.
    pub(super) fn apply(self, header: &Header, globals: &Globals, entry: &mut Entry) -> Outcome<(u64, SparseForm)> {
        let records = self.records.unwrap_or_default();
        header.write_path(&mut entry.path);
        entry.kind = kind_of(header.kind())?;
        let sparse = sparse_form(&records.sparse, header.kind())?;
        let sparse_name = records.sparse.name;
        choose(&mut entry.path, sparse_name.or(records.path), self.long_path, "paths")?;
        entry.target.clear();
        entry.target.extend_from_slice(header.link());
        choose(&mut entry.target, records.link, self.long_target, "link targets")?;
        // A file with a slash at the end was V7's way to write a directory; GNU tar still reads it so.
        if entry.kind == EntryKind::File && entry.path.last() == Some(&b'/') {
            entry.kind = EntryKind::Directory;
        }
        entry.mode = header.mode()?;
        entry.uid = records.uid.unwrap_or(globals.uid).map_or_else(|| header.uid(), Ok)?;
        entry.gid = records.gid.unwrap_or(globals.gid).map_or_else(|| header.gid(), Ok)?;
        entry.modified = records.modified.unwrap_or(globals.modified).map_or_else(|| header.modified(), Ok)?;
        entry.attributes = records.attributes;
        Ok((stored_bytes(entry.kind, header.size()?, records.size)?, sparse))
    }
}

/// How much data follows. Only files have any. Old writers gave hard links the size of their file, and all readers
/// agree that no data follows; about other sizes where none belongs they do not agree, so there are none.
fn stored_bytes(kind: EntryKind, in_header: u64, in_records: Option<u64>) -> Outcome<u64> {
    match kind {
        // No file is longer (off_t).
        EntryKind::File if in_records.unwrap_or(in_header) > i64::MAX.cast_unsigned() => archive("size is too large"),
        EntryKind::File => Ok(in_records.unwrap_or(in_header)),
        EntryKind::HardLink if in_records.unwrap_or(0) == 0 => Ok(0),
        _ if in_records.unwrap_or(in_header) == 0 && in_header == 0 => Ok(0),
        _ => archive("data where only files have data"),
    }
}

fn sparse_form(keys: &SparseKeys, kind: u8) -> Outcome<SparseForm> {
    match keys.form()? {
        SparseForm::None => Ok(SparseForm::None),
        form if matches!(kind, b'0' | 0 | b'7') => Ok(form),
        _ => archive("sparse records for something else than a file"),
    }
}

/// The longer forms of a name win over the header's; both at once must agree (Go and GNU tar choose differently).
fn choose(name: &mut Vec<u8>, pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>, what: &str) -> Outcome<()> {
    if pax.is_some() && gnu.is_some() && pax != gnu {
        return archive(format!("PAX and GNU headers with different {what}"));
    }
    if let Some(long) = pax.or(gnu) {
        *name = long;
    }
    Ok(())
}

fn kind_of(letter: u8) -> Outcome<EntryKind> {
    Ok(match letter {
        // '7' is "contiguous", a request to the disk; 'S' an old GNU sparse file.
        b'0' | 0 | b'7' | b'S' => EntryKind::File,
        b'1' => EntryKind::HardLink,
        b'2' => EntryKind::Symlink,
        b'3' | b'4' => EntryKind::Device,
        b'5' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        other => return archive(format!("entry type \"{}\" is unknown", shown(&[other]))),
    })
}
