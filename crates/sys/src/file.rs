//! Descriptors: facts, pipes and FIFOs, reading and writing what is there now, and small files written by path in directories
//! that are ours alone. Paths with attacker data never come here.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::{mem, ptr};

use crate::SysResult;
use crate::raw::{c_string, check, check_long, own, retry};

pub use crate::client::files::{make_pipe as pipe, open};

/// A FIFO in one of our own directories; one that is there already is fine.
pub fn make_fifo(path: &str) -> SysResult<()> {
    let name = c_string(path.as_bytes())?;
    // SAFETY: zero-terminated path.
    match check(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, || format!("mkfifo({path:?})")) {
        Err(error) if error.errno != libc::EEXIST => Err(error),
        _ => Ok(()),
    }
}

/// Whether reads and writes through this open file description return at once.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> SysResult<()> {
    // SAFETY: open descriptor, integers only.
    unsafe {
        let flags = check(libc::fcntl(fd.as_raw_fd(), libc::F_GETFL), || "fcntl(F_GETFL)".to_owned())?;
        check(libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK), || "fcntl(F_SETFL)".to_owned())
            .map(drop)
    }
}

/// Makes a descriptor appear under exactly this number, to be kept across exec.
pub fn place(fd: BorrowedFd<'_>, number: RawFd) -> SysResult<()> {
    if fd.as_raw_fd() == number {
        // SAFETY: open descriptor, integers only.
        return check(unsafe { libc::fcntl(number, libc::F_SETFD, 0) }, || format!("fcntl({number}, F_SETFD)"))
            .map(drop);
    }
    // SAFETY: whatever had that number is closed, as the caller wants.
    check(unsafe { libc::dup2(fd.as_raw_fd(), number) }, || format!("dup2({}, {number})", fd.as_raw_fd())).map(drop)
}

/// Before exec: exactly these descriptors, each under its number. Standard streams that are none of them lead nowhere.
pub fn place_all(descriptors: &[(BorrowedFd<'_>, RawFd)]) -> SysResult<()> {
    const STREAMS: RawFd = 3;
    let first_other = descriptors.iter().fold(STREAMS, |first, (_, number)| first.max(number + 1));
    let null = open("/dev/null", libc::O_RDWR)?;
    let streams = (0..STREAMS).map(|number| (null.as_fd(), number));
    // First out of the way of the targets.
    let high = |(fd, number)| Ok((duplicate_above(fd, first_other)?, number));
    let moved: Vec<_> = streams.chain(descriptors.iter().copied()).map(high).collect::<SysResult<_>>()?;
    for (fd, number) in &moved {
        place(fd.as_fd(), *number)?;
    }
    close_from_at_exec(first_other)
}

/// Takes over a descriptor that this process was started with.
///
/// # Errors
/// EBADF when there is none of this number.
pub fn inherited(number: RawFd) -> SysResult<OwnedFd> {
    // SAFETY: integers only; then a descriptor nobody else in this process owns, as only `main` asks, once a number.
    unsafe {
        check(libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC), || format!("fcntl({number}, F_SETFD)"))?;
        Ok(OwnedFd::from_raw_fd(number))
    }
}

/// Closes every descriptor from `first` on; nobody may own one of them.
pub fn close_from(first: RawFd) -> SysResult<()> {
    // SAFETY: integers only; the caller owns none of them.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    check_long(result, || format!("close_range({first})")).map(drop)
}

/// Every descriptor from `first` on is closed by the next exec.
pub fn close_from_at_exec(first: RawFd) -> SysResult<()> {
    // SAFETY: integers only.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    check_long(result, || format!("close_range({first})")).map(drop)
}

/// What reading or writing without waiting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    Done(usize),
    /// Nothing can be moved now.
    Later,
    /// End of file, or nobody is there to read.
    Ended,
}

/// read(2): what is there. A terminal whose other side has gone (EIO) has ended.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> SysResult<Transfer> {
    // SAFETY: the buffer is valid for its length.
    let attempt = || unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    match retry(attempt, || format!("read({})", fd.as_raw_fd())) {
        Ok(0) => Ok(Transfer::Ended),
        Ok(count) => Ok(Transfer::Done(count)),
        Err(error) if error.errno == libc::EAGAIN => Ok(Transfer::Later),
        Err(error) if error.errno == libc::EIO => Ok(Transfer::Ended),
        Err(error) => Err(error),
    }
}

/// As `read`, from a socket whose own flags must not change.
pub fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> SysResult<Transfer> {
    // SAFETY: the buffer is valid for its length.
    let attempt =
        || unsafe { libc::recv(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
    match retry(attempt, || format!("recv({})", fd.as_raw_fd())) {
        Ok(0) => Ok(Transfer::Ended),
        Ok(count) => Ok(Transfer::Done(count)),
        Err(error) if error.errno == libc::EAGAIN => Ok(Transfer::Later),
        Err(error) if error.errno == libc::ECONNRESET => Ok(Transfer::Ended),
        Err(error) => Err(error),
    }
}

/// write(2): what there is room for.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> SysResult<Transfer> {
    // SAFETY: the buffer is valid for its length.
    written(fd, || unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) })
}

/// As `write`, to a socket whose own flags must not change.
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> SysResult<Transfer> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the buffer is valid for its length.
    written(fd, || unsafe { libc::send(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
}

fn written(fd: BorrowedFd<'_>, attempt: impl FnMut() -> isize) -> SysResult<Transfer> {
    match retry(attempt, || format!("write({})", fd.as_raw_fd())) {
        Ok(count) => Ok(Transfer::Done(count)),
        Err(error) if error.errno == libc::EAGAIN => Ok(Transfer::Later),
        Err(error) if matches!(error.errno, libc::EPIPE | libc::EIO | libc::ECONNRESET) => Ok(Transfer::Ended),
        Err(error) => Err(error),
    }
}

/// Writes all, waiting where it must.
pub fn write_all(fd: BorrowedFd<'_>, bytes: &[u8]) -> SysResult<()> {
    crate::client::files::write_all(fd, bytes, || format!("write({})", fd.as_raw_fd()))
}

/// Opens, writes in one call, closes: for files of /proc, which take their value whole.
pub fn write_value(path: &str, value: &str) -> SysResult<()> {
    let file = open(path, libc::O_WRONLY)?;
    write_all(file.as_fd(), value.as_bytes())
}

/// Writes a small file of ours aside and renames it over `path`: a reader sees the old or the new one.
/// What was reserved for it is used.
pub fn replace(path: &str, content: &[u8]) -> SysResult<()> {
    let aside = format!("{path}.new");
    let file = open(&aside, libc::O_WRONLY | libc::O_CREAT | libc::O_NOFOLLOW)?;
    write_all(file.as_fd(), content)?;
    // Cut afterwards, not before: the room that is there is kept.
    // SAFETY: open descriptor.
    check(unsafe { libc::ftruncate(file.as_raw_fd(), content.len() as libc::off_t) }, || {
        format!("ftruncate({aside:?})")
    })?;
    rename(&aside, path)
}

/// Takes room on the disk for a later `replace` of at most `size` bytes.
pub fn reserve(path: &str, size: usize) -> SysResult<()> {
    let aside = format!("{path}.new");
    let file = open(&aside, libc::O_WRONLY | libc::O_CREAT | libc::O_NOFOLLOW)?;
    write_all(file.as_fd(), &vec![0; size])
}

/// syncfs(2): everything written so far to the file system of an open file.
pub fn sync_filesystem(fd: BorrowedFd<'_>) -> SysResult<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::syncfs(fd.as_raw_fd()) }, || format!("syncfs({})", fd.as_raw_fd())).map(drop)
}

/// rename(2) within directories of ours.
pub fn rename(from: &str, to: &str) -> SysResult<()> {
    let (old, new) = (c_string(from.as_bytes())?, c_string(to.as_bytes())?);
    // SAFETY: zero-terminated paths.
    check(unsafe { libc::rename(old.as_ptr(), new.as_ptr()) }, || format!("rename({from:?}, {to:?})")).map(drop)
}

/// unlink(2) of a file of ours; one that is not there is fine.
pub fn remove(path: &str) -> SysResult<()> {
    let name = c_string(path.as_bytes())?;
    // SAFETY: zero-terminated path.
    match check(unsafe { libc::unlink(name.as_ptr()) }, || format!("unlink({path:?})")) {
        Err(error) if error.errno != libc::ENOENT => Err(error),
        _ => Ok(()),
    }
}

/// A name that leads to an open file while the descriptor lives and /proc is mounted.
pub fn path_of(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

/// A second descriptor of the same open file description.
pub fn duplicate(fd: BorrowedFd<'_>) -> SysResult<OwnedFd> {
    crate::client::duplicate(fd.as_raw_fd())
}

/// Another open file description of the same file, with flags of its own (through /proc/self/fd).
pub fn reopen(fd: BorrowedFd<'_>, flags: i32) -> SysResult<OwnedFd> {
    open(&path_of(fd), flags)
}

/// Makes this directory the current one.
pub fn change_directory(fd: BorrowedFd<'_>) -> SysResult<()> {
    // SAFETY: open descriptor.
    check(unsafe { libc::fchdir(fd.as_raw_fd()) }, || format!("fchdir({})", fd.as_raw_fd())).map(drop)
}

/// The current directory's path as the kernel sees it; one outside the root begins with `(unreachable)`.
pub fn current_directory() -> SysResult<Vec<u8>> {
    let mut buffer = vec![0_u8; libc::PATH_MAX as usize];
    // SAFETY: the buffer is valid for its length; the raw call, because libc's hides what is unreachable.
    let result = unsafe { libc::syscall(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) };
    let length = check_long(result, || "getcwd()".to_owned())?;
    buffer.truncate(usize::try_from(length).unwrap_or(1).saturating_sub(1));
    Ok(buffer)
}

/// sethostname(2) in this UTS namespace.
pub fn set_hostname(name: &str) -> SysResult<()> {
    // SAFETY: the bytes are valid for their length.
    check(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }, || format!("sethostname({name:?})")).map(drop)
}

/// setdomainname(2) in this UTS namespace.
pub fn set_domainname(name: &str) -> SysResult<()> {
    // SAFETY: the bytes are valid for their length.
    check(unsafe { libc::setdomainname(name.as_ptr().cast(), name.len()) }, || format!("setdomainname({name:?})"))
        .map(drop)
}

/// Brings the loopback interface of this network namespace up (netdevice(7)).
pub fn raise_loopback() -> SysResult<()> {
    // SAFETY: a plain socket; ifreq is plain data that lives through the calls.
    unsafe {
        let socket = own(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0), || {
            "socket(AF_INET)".to_owned()
        })?;
        let mut request: libc::ifreq = mem::zeroed();
        ptr::copy_nonoverlapping(c"lo".as_ptr(), request.ifr_name.as_mut_ptr(), 2);
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request), || {
            "ioctl(lo, SIOCSIFFLAGS)".to_owned()
        })
        .map(drop)
    }
}

/// A close-on-exec copy whose number is `first` or above.
pub fn duplicate_above(fd: BorrowedFd<'_>, first: RawFd) -> SysResult<OwnedFd> {
    // SAFETY: open descriptor, integers only.
    own(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, first) }, || {
        format!("fcntl({}, F_DUPFD)", fd.as_raw_fd())
    })
}

/// A file without a name that lives in memory as long as somebody has it open (memfd_create(2)).
pub fn memory_file(name: &std::ffi::CStr) -> SysResult<OwnedFd> {
    // SAFETY: zero-terminated name.
    own(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) }, || format!("memfd_create({name:?})"))
}
