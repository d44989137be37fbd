//! The bytes of open files: reading, writing, holes, copying without a trip through this process.

use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;
use crate::{SysError, SysResult};

/// Repeats a call that a signal interrupted.
fn retry(mut attempt: impl FnMut() -> isize, call: impl Fn() -> String) -> SysResult<usize> {
    loop {
        if let Ok(done) = usize::try_from(attempt()) {
            return Ok(done);
        }
        let error = SysError::last(call());
        if error.errno != libc::EINTR {
            return Err(error);
        }
    }
}

/// read(2): how many bytes came; 0 at the end.
pub fn read_some(file: BorrowedFd<'_>, buffer: &mut [u8]) -> SysResult<usize> {
    // SAFETY: open descriptor, a buffer valid for its length.
    retry(|| unsafe { libc::read(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) }, || "read()".to_owned())
}

/// pread(2): how many bytes came; 0 at the end as it is now.
pub fn read_at(file: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> SysResult<usize> {
    let offset = signed(offset)?;
    // SAFETY: open descriptor, a buffer valid for its length.
    retry(
        || unsafe { libc::pread(file.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), offset) },
        || format!("pread(at {offset})"),
    )
}

/// Writes all of `bytes` where the file stands.
pub fn write_all(file: BorrowedFd<'_>, bytes: &[u8]) -> SysResult<()> {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &bytes[done..];
        // SAFETY: open descriptor, a buffer valid for its length.
        let attempt = || unsafe { libc::write(file.as_raw_fd(), rest.as_ptr().cast(), rest.len()) };
        done += retry(attempt, || format!("write({} bytes)", rest.len()))?;
    }
    Ok(())
}

/// Writes all of `bytes` at `offset`; what lies between the end and there becomes a hole.
pub fn write_at(file: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> SysResult<()> {
    let mut done = 0;
    while done < bytes.len() {
        let rest = &bytes[done..];
        let position = signed(offset + done as u64)?;
        // SAFETY: open descriptor, a buffer valid for its length.
        let attempt = || unsafe { libc::pwrite(file.as_raw_fd(), rest.as_ptr().cast(), rest.len(), position) };
        done += retry(attempt, || format!("pwrite({} bytes at {position})", rest.len()))?;
    }
    Ok(())
}

/// ftruncate(2): growing makes a hole.
pub fn set_length(file: BorrowedFd<'_>, length: u64) -> SysResult<()> {
    let signed = signed(length)?;
    // SAFETY: open descriptor.
    check(unsafe { libc::ftruncate(file.as_raw_fd(), signed) }, || format!("ftruncate({length})")).map(drop)
}

/// Where the next data at or after `offset` begins (SEEK_DATA); `None`: only a hole is left.
pub fn skip_to_data(file: BorrowedFd<'_>, offset: u64) -> SysResult<Option<u64>> {
    match seek(file, offset, libc::SEEK_DATA) {
        Err(error) if error.errno == libc::ENXIO => Ok(None),
        other => other.map(Some),
    }
}

/// Where the data at `offset` ends (SEEK_HOLE); the end of the file counts as a hole.
pub fn skip_hole(file: BorrowedFd<'_>, offset: u64) -> SysResult<u64> {
    seek(file, offset, libc::SEEK_HOLE)
}

fn seek(file: BorrowedFd<'_>, offset: u64, whence: i32) -> SysResult<u64> {
    let signed = signed(offset)?;
    // SAFETY: open descriptor.
    let position = unsafe { libc::lseek(file.as_raw_fd(), signed, whence) };
    u64::try_from(position).map_err(|_| SysError::last(format!("lseek({offset}, {whence})")))
}

/// ioctl(FICLONE): `to` shares all of `from`'s blocks. `false`: this file system cannot, copy instead.
pub fn clone_file(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> SysResult<bool> {
    // SAFETY: two open descriptors; the ioctl takes the source's number by value.
    let result = unsafe { libc::ioctl(to.as_raw_fd(), libc::FICLONE, from.as_raw_fd()) };
    match check(result, || "ioctl(FICLONE)".to_owned()) {
        Ok(_) => Ok(true),
        Err(error)
            if matches!(error.errno, libc::EOPNOTSUPP | libc::EXDEV | libc::EINVAL | libc::ENOTTY | libc::ETXTBSY) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// copy_file_range(2) of up to `length` bytes at the same offset in both; `None`: not between these two, copy by hand.
pub fn copy_range(from: BorrowedFd<'_>, to: BorrowedFd<'_>, offset: u64, length: usize) -> SysResult<Option<usize>> {
    let (mut read_offset, mut write_offset) = (signed(offset)?, signed(offset)?);
    let attempt = || {
        // SAFETY: two open descriptors and two offsets that live through the call.
        unsafe {
            libc::copy_file_range(
                from.as_raw_fd(),
                &raw mut read_offset,
                to.as_raw_fd(),
                &raw mut write_offset,
                length,
                0,
            )
        }
    };
    match retry(attempt, || format!("copy_file_range({length} bytes at {offset})")) {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.errno, libc::EXDEV | libc::EINVAL | libc::EOPNOTSUPP | libc::ENOSYS) => Ok(None),
        Err(error) => Err(error),
    }
}

fn signed(offset: u64) -> SysResult<i64> {
    i64::try_from(offset).map_err(|_| SysError::new(format!("file offset {offset}"), libc::EOVERFLOW))
}
