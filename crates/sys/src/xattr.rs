//! Extended attributes of open files (not of O_PATH descriptors: the kernel refuses those). Names and values are bytes.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::{SysError, SysResult};

/// The kernel's own limits (XATTR_SIZE_MAX, XATTR_LIST_MAX).
const LIMIT: usize = 65536;

fn terminate(name: &[u8]) -> SysResult<CString> {
    CString::new(name).map_err(|_| SysError::new(format!("attribute \"{}\"", name.escape_ascii()), libc::EINVAL))
}

/// fsetxattr(2), whether it exists or not.
pub fn set(file: BorrowedFd<'_>, name: &[u8], value: &[u8]) -> SysResult<()> {
    let text = terminate(name)?;
    // SAFETY: open descriptor, zero-terminated name, a value valid for its length.
    let done = unsafe { libc::fsetxattr(file.as_raw_fd(), text.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    if done < 0 {
        Err(SysError::last(format!("fsetxattr(\"{}\", {} bytes)", name.escape_ascii(), value.len())))
    } else {
        Ok(())
    }
}

/// fgetxattr(2). `None`: the file has none of that name, or its file system has none at all.
pub fn get(file: BorrowedFd<'_>, name: &[u8]) -> SysResult<Option<Vec<u8>>> {
    let text = terminate(name)?;
    let mut value = vec![0_u8; LIMIT];
    // SAFETY: open descriptor, zero-terminated name, a buffer valid for its length.
    let length = unsafe { libc::fgetxattr(file.as_raw_fd(), text.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    match usize::try_from(length) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(_) => absent(SysError::last(format!("fgetxattr(\"{}\")", name.escape_ascii()))),
    }
}

/// flistxattr(2): the names, each once. Empty where the file system has none.
pub fn list(file: BorrowedFd<'_>) -> SysResult<Vec<Vec<u8>>> {
    let mut names = vec![0_u8; LIMIT];
    // SAFETY: open descriptor, a buffer valid for its length.
    let length = unsafe { libc::flistxattr(file.as_raw_fd(), names.as_mut_ptr().cast(), names.len()) };
    let Ok(length) = usize::try_from(length) else {
        return absent(SysError::last("flistxattr()")).map(Option::unwrap_or_default);
    };
    Ok(names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect())
}

fn absent<T>(error: SysError) -> SysResult<Option<T>> {
    if matches!(error.errno, libc::ENODATA | libc::EOPNOTSUPP) { Ok(None) } else { Err(error) }
}
