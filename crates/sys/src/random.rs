//! Numbers that nobody can guess.

use crate::SysResult;
use crate::raw::retry;

/// 16 random bits from the kernel.
pub fn random_u16() -> SysResult<u16> {
    let mut bytes = [0_u8; 2];
    // SAFETY: a valid buffer of the length given. Short reads do not happen below 256 bytes (getrandom(2)).
    let attempt = || unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    retry(attempt, || "getrandom()".to_owned())?;
    Ok(u16::from_ne_bytes(bytes))
}
