//! Numbers in headers: octal text, GNU's base-256, and the decimal ones of PAX records.

use super::super::problem::{Outcome, archive, shown};
use bunker_sys::path::FileTime;

const NANOSECOND_DIGITS: usize = 9;

/// A number field. Octal, padded with spaces and NULs in front, ended by either; blank is 0. Or, with the first bit set,
/// big-endian two's complement (GNU).
pub(super) fn field(bytes: &[u8], what: &str) -> Outcome<i64> {
    match bytes.first() {
        Some(first) if first & 0x80 != 0 => binary(bytes, what),
        _ => octal(bytes, what),
    }
}

/// A number field that cannot be negative.
pub(super) fn unsigned(bytes: &[u8], what: &str) -> Outcome<u64> {
    let value = field(bytes, what)?;
    u64::try_from(value).or_else(|_| archive(format!("{what} is negative")))
}

fn octal(bytes: &[u8], what: &str) -> Outcome<i64> {
    let start = bytes.iter().position(|byte| !matches!(byte, b' ' | 0)).unwrap_or(bytes.len());
    let digits = &bytes[start..];
    let end = digits.iter().position(|byte| matches!(byte, b' ' | 0)).unwrap_or(digits.len());
    let mut value: i64 = 0;
    for byte in &digits[..end] {
        if !matches!(byte, b'0'..=b'7') {
            return archive(format!("{what} is not a number: \"{}\"", shown(bytes)));
        }
        // Fields have at most 12 bytes: 36 bits.
        value = value << 3 | i64::from(byte - b'0');
    }
    Ok(value)
}

/// The first byte is 0x80 (positive) or 0xff (negative) and the marker; the rest is the number.
fn binary(bytes: &[u8], what: &str) -> Outcome<i64> {
    let negative = bytes[0] & 0x40 != 0;
    let fill: u8 = if negative { 0xff } else { 0 };
    let mut value = i128::from(if negative { -1 } else { 0 });
    let first = if negative { bytes[0] } else { bytes[0] & 0x7f };
    for (index, byte) in std::iter::once(&first).chain(&bytes[1..]).enumerate() {
        let significant = bytes.len() - index <= size_of::<i64>();
        if !significant && *byte != fill {
            return archive(format!("{what} is too large"));
        }
        value = value << 8 | i128::from(*byte);
    }
    i64::try_from(value).or_else(|_| archive(format!("{what} is too large")))
}

/// A decimal number of digits alone.
pub(super) fn decimal(bytes: &[u8], what: &str) -> Outcome<u64> {
    let digits_only = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    let value = if digits_only { str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()) } else { None };
    value.map_or_else(|| archive(format!("{what} is not a number: \"{}\"", shown(bytes))), Ok)
}

/// A point in time: `-?digits[.digits]`, seconds since 1970; finer than nanoseconds is cut off.
pub(super) fn time(bytes: &[u8], what: &str) -> Outcome<FileTime> {
    let (negative, rest) = bytes.strip_prefix(b"-").map_or((false, bytes), |rest| (true, rest));
    let (whole, fraction) = match rest.iter().position(|byte| *byte == b'.') {
        Some(dot) => (&rest[..dot], &rest[dot + 1..]),
        None => (rest, &[][..]),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return archive(format!("{what} is not a time: \"{}\"", shown(bytes)));
    }
    let seconds = decimal(whole, what)?;
    let Ok(seconds) = i64::try_from(seconds) else {
        return archive(format!("{what} is too far away: \"{}\"", shown(bytes)));
    };
    let nanoseconds = fraction.iter().chain(&[b'0'; NANOSECOND_DIGITS]).take(NANOSECOND_DIGITS);
    let nanoseconds = nanoseconds.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Ok(match (negative, nanoseconds) {
        (false, _) => FileTime { seconds, nanoseconds },
        (true, 0) => FileTime { seconds: -seconds, nanoseconds: 0 },
        // Before 1970 the fraction counts forward from the second below.
        (true, _) => FileTime { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}
