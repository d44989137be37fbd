//! PAX extended headers: records `length key=value\n`, and what those we understand mean for the next entry.

use super::super::limits;
use super::super::problem::{Outcome, archive, limit, shown};
use super::sparse::SparseKeys;
use super::{header, number};
use bunker_sys::path::FileTime;

/// A record that was given; `None` inside: given empty, which takes back what a global header said.
type Given<T> = Option<Option<T>>;

/// What the records of one header say.
#[derive(Default)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Given<u32>,
    pub(super) gid: Given<u32>,
    pub(super) modified: Given<FileTime>,
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: SparseKeys,
}

/// From global headers, for all entries that follow.
#[derive(Default)]
pub(super) struct Globals {
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) modified: Option<FileTime>,
}

impl Globals {
    /// Owner and time apply, as POSIX says. What would give all entries one name, size, target or content is refused:
    /// GNU tar would apply it, Go's reader would not.
    pub(super) fn apply(&mut self, data: &[u8]) -> Outcome<()> {
        let records = Records::parse(data)?;
        let structural = records.path.is_some() || records.link.is_some() || records.size.is_some();
        if structural || !records.attributes.is_empty() || records.sparse.is_given() {
            return archive("global PAX header sets names, sizes or attributes");
        }
        self.uid = records.uid.unwrap_or(self.uid);
        self.gid = records.gid.unwrap_or(self.gid);
        self.modified = records.modified.unwrap_or(self.modified);
        Ok(())
    }
}

impl Records {
    pub(super) fn parse(data: &[u8]) -> Outcome<Self> {
        let mut records = Self::default();
        let mut rest = data;
        while !rest.is_empty() {
            let (record, following) = cut(rest)?;
            rest = following;
            let Some(equals) = record.iter().position(|byte| *byte == b'=') else {
                return archive("PAX record without \"=\"");
            };
            records.take(&record[..equals], &record[equals + 1..])?;
        }
        Ok(records)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Outcome<()> {
        if key.is_empty() || key.contains(&0) {
            return archive("PAX record with an unusable key");
        }
        match key {
            b"path" => self.path = name(key, value)?,
            b"linkpath" => self.link = name(key, value)?,
            b"size" => self.size = given(value, |text| number::decimal(text, "PAX size"))?,
            b"uid" => self.uid = Some(given(value, |text| id(text, "uid"))?),
            b"gid" => self.gid = Some(given(value, |text| id(text, "gid"))?),
            b"mtime" => self.modified = Some(given(value, |text| number::time(text, "PAX mtime"))?),
            _ => return self.take_prefixed(key, value),
        }
        Ok(())
    }

    fn take_prefixed(&mut self, key: &[u8], value: &[u8]) -> Outcome<()> {
        if let Some(rest) = key.strip_prefix(b"GNU.sparse.") {
            self.sparse.take(rest, value)
        } else if let Some(attribute) = key.strip_prefix(b"SCHILY.xattr.") {
            self.attribute(attribute.to_vec(), value.to_vec())
        } else if let Some(attribute) = key.strip_prefix(b"LIBARCHIVE.xattr.") {
            self.attribute(unescape(attribute)?, decode_base64(value)?)
        } else {
            // Charsets, comments, access times, vendors' own.
            Ok(())
        }
    }

    fn attribute(&mut self, attribute: Vec<u8>, value: Vec<u8>) -> Outcome<()> {
        if attribute.is_empty() || attribute.contains(&0) {
            return archive("extended attribute with an unusable name");
        }
        if attribute.len() > limits::ATTRIBUTE_NAME_BYTES || value.len() > limits::ATTRIBUTE_VALUE_BYTES {
            let (name, bytes) = (shown(&attribute), value.len());
            return limit(format!("extended attribute \"{name}\" of {bytes} bytes is larger than the kernel takes"));
        }
        // The same name again, maybe in the other spelling, replaces.
        self.attributes.retain(|(earlier, _)| *earlier != attribute);
        if self.attributes.len() >= limits::ATTRIBUTES {
            return limit(format!("more than {} extended attributes", limits::ATTRIBUTES));
        }
        self.attributes.push((attribute, value));
        Ok(())
    }
}

/// The first record, without its length and newline, and what follows it.
fn cut(data: &[u8]) -> Outcome<(&[u8], &[u8])> {
    let Some(space) = data.iter().position(|byte| *byte == b' ') else {
        return archive("PAX record without a length");
    };
    let length = number::decimal(&data[..space], "PAX record length")?;
    let record = usize::try_from(length).ok().and_then(|length| data.get(..length));
    match record.and_then(|record| record.get(space + 1..)) {
        Some([record @ .., b'\n']) => Ok((record, &data[record.len() + space + 2..])),
        _ => archive("PAX record whose length is wrong"),
    }
}

fn given<T>(value: &[u8], parse: impl FnOnce(&[u8]) -> Outcome<T>) -> Outcome<Option<T>> {
    if value.is_empty() { Ok(None) } else { parse(value).map(Some) }
}

fn id(text: &[u8], what: &str) -> Outcome<u32> {
    let value = number::decimal(text, what)?;
    header::id(i64::try_from(value).unwrap_or(i64::MAX), what)
}

fn name(key: &[u8], value: &[u8]) -> Outcome<Option<Vec<u8>>> {
    if value.contains(&0) {
        return archive(format!("PAX {} with a NUL", shown(key)));
    }
    given(value, |text| Ok(text.to_vec()))
}

/// libarchive writes attribute names URL-encoded.
fn unescape(text: &[u8]) -> Outcome<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            plain.push(*byte);
            continue;
        }
        let digits = rest.next().zip(rest.next());
        let value = digits.and_then(|(high, low)| Some(hex(*high)? << 4 | hex(*low)?));
        match value {
            Some(value) => plain.push(value),
            None => return archive("extended attribute name with a broken escape"),
        }
    }
    Ok(plain)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Base64 as libarchive writes it: no padding, but we accept it.
fn decode_base64(text: &[u8]) -> Outcome<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let mut plain = Vec::with_capacity(end / 4 * 3 + 2);
    for group in text[..end].chunks(4) {
        let mut bits = 0_u32;
        for byte in group {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return archive("extended attribute that is not base64"),
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        match group.len() {
            1 => return archive("extended attribute that is not base64"),
            length => plain.extend_from_slice(&bits.to_be_bytes()[1..length]),
        }
    }
    Ok(plain)
}
