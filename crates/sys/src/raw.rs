//! The few shapes every wrapper needs: a failed result becomes a `SysError`, a fresh descriptor becomes owned, EINTR repeats.

use std::ffi::CString;
use std::os::fd::{FromRawFd, OwnedFd};
use std::{mem, ptr};

use crate::{SysError, SysResult};

/// A negative result is errno
pub(crate) fn check(result: libc::c_int, call: impl FnOnce() -> String) -> SysResult<libc::c_int> {
    if result < 0 { Err(SysError::last(call())) } else { Ok(result) }
}

/// As `check`, for `libc::syscall`'s long.
pub(crate) fn check_long(result: libc::c_long, call: impl FnOnce() -> String) -> SysResult<libc::c_long> {
    if result < 0 { Err(SysError::last(call())) } else { Ok(result) }
}

/// Takes ownership of a descriptor the kernel has just returned.
pub(crate) fn own(result: libc::c_int, call: impl FnOnce() -> String) -> SysResult<OwnedFd> {
    let number = check(result, call)?;
    // SAFETY: a fresh descriptor from the kernel that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// As `own`, for `libc::syscall`'s long.
pub(crate) fn own_long(result: libc::c_long, call: impl FnOnce() -> String) -> SysResult<OwnedFd> {
    own(i32::try_from(result).unwrap_or(-1), call)
}

/// Repeats a call that a signal interrupted.
pub(crate) fn retry(mut attempt: impl FnMut() -> isize, call: impl Fn() -> String) -> SysResult<usize> {
    loop {
        let result = attempt();
        if let Ok(done) = usize::try_from(result) {
            return Ok(done);
        }
        let error = SysError::last(call());
        if error.errno != libc::EINTR {
            return Err(error);
        }
    }
}

/// Bytes for the kernel; a NUL inside is EINVAL, as no path or name can hold one.
pub(crate) fn c_string(bytes: &[u8]) -> SysResult<CString> {
    CString::new(bytes)
        .map_err(|_| SysError::new(format!("{:?} holds a NUL", String::from_utf8_lossy(bytes)), libc::EINVAL))
}

/// What asks something about a network interface (netdevice(7)).
pub(crate) fn interface_request(name: &str) -> SysResult<libc::ifreq> {
    if name.is_empty() || name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        return Err(SysError::new(format!("a device named {name:?}"), libc::EINVAL));
    }
    // SAFETY: ifreq is plain data; the name fits with its zero.
    unsafe {
        let mut request: libc::ifreq = mem::zeroed();
        ptr::copy_nonoverlapping(name.as_ptr().cast(), request.ifr_name.as_mut_ptr(), name.len());
        Ok(request)
    }
}
