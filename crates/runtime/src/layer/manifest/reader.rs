//! Text → lines. Our own files, but they may have been damaged: what does not parse is said, not guessed.

use super::{LETTERS, Line, LineKind, REMOVED, ROOT};
use bunker_sys::path::FileTime;
use std::borrow::Cow;

/// The lines of a manifest; `Err` holds the number (from 1) of one that is not one.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = Result<Line<'_>, usize>> {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    lines.filter(|_| !text.is_empty()).map(|(index, line)| parse(line).ok_or(index + 1))
}

fn parse(line: &[u8]) -> Option<Line<'_>> {
    let mut fields = line.split(|byte| *byte == b' ');
    let letter = fields.next()?;
    let (kind, _) = LETTERS.iter().find(|(_, known)| [*known] == *letter)?;
    let mode = u32::from_str_radix(str::from_utf8(fields.next()?).ok()?, 8).ok()?;
    let uid = number(fields.next()?)?;
    let gid = number(fields.next()?)?;
    let size = number(fields.next()?)?;
    let modified = time(fields.next()?)?;
    let checksum = match fields.next()? {
        b"-" => None,
        hex => Some(hex_bytes(hex)?),
    };
    let path = match fields.next()? {
        ROOT => Cow::Borrowed(&b""[..]),
        path => unescape(path)?,
    };
    let target = fields.next();
    let removed = *kind == LineKind::Opaque && target == Some(REMOVED);
    let target = if removed { Cow::default() } else { unescape(target.unwrap_or_default())? };
    fields.next().is_none().then_some(Line {
        kind: *kind,
        mode,
        uid,
        gid,
        size,
        modified,
        checksum,
        path,
        target,
        removed,
    })
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    str::from_utf8(text).ok()?.parse().ok()
}

fn time(text: &[u8]) -> Option<FileTime> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let dot = text.iter().position(|byte| *byte == b'.')?;
    let (seconds, nanoseconds): (u64, u32) = (number(&text[..dot])?, number(&text[dot + 1..])?);
    Some(match (negative, nanoseconds) {
        (false, _) => FileTime { seconds: i64::try_from(seconds).ok()?, nanoseconds },
        (true, 0) => FileTime { seconds: 0_i64.checked_sub_unsigned(seconds)?, nanoseconds },
        (true, _) => FileTime {
            seconds: (-1_i64).checked_sub_unsigned(seconds)?,
            nanoseconds: 1_000_000_000_u32.checked_sub(nanoseconds)?,
        },
    })
}

fn hex_bytes(text: &[u8]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = hex(digits)?;
    }
    Some(bytes)
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

fn unescape(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !text.contains(&b'%') {
        return Some(text.into());
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, following @ ..] = rest {
        if *first == b'%' {
            plain.push(hex(following.get(..2)?)?);
            rest = &following[2..];
        } else {
            plain.push(*first);
            rest = following;
        }
    }
    Some(plain.into())
}
