//! Frames over a blocking SOCK_STREAM unix socket: u32 little-endian length, then that many bytes of text; descriptors ride
//! on the header (SCM_RIGHTS, unix(7)); lengths in them have other types with musl than with glibc (`as _`). No buffering between calls, so a channel may be used by one thread, then another.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::{mem, ptr};

use super::{borrow, check, own, path_of, retry};
use crate::{SysError, SysResult};

/// A longer frame is a broken or hostile peer.
pub const FRAME_LIMIT: usize = 16 * 1024 * 1024;
/// More descriptors in one frame are refused on both sides.
pub const FRAME_FD_LIMIT: usize = 16;

const HEADER_SIZE: usize = 4;
/// CMSG_SPACE(16 * 4) is 80 on 64-bit Linux; as u64 for the alignment cmsghdr needs.
const CONTROL_WORDS: usize = 16;

/// One frame as it came.
pub struct Frame {
    pub text: String,
    pub fds: Vec<OwnedFd>,
}

/// A connected pair, both ends close-on-exec.
pub fn pair() -> SysResult<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: `ends` is a valid array of two ints.
    let result =
        unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0, ends.as_mut_ptr()) };
    check(result, || "socketpair(AF_UNIX)".to_owned())?;
    // SAFETY: socketpair has just returned both and nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Connects to `directory`/ctl through a descriptor of the directory (its path may exceed sun_path's 108 bytes).
/// `None`: there is no socket, or nobody listens on it.
pub fn connect_control(directory: &str) -> SysResult<Option<OwnedFd>> {
    let place = match super::files::open(directory, libc::O_PATH | libc::O_DIRECTORY) {
        Err(error) if matches!(error.errno, libc::ENOENT | libc::ENOTDIR) => return Ok(None),
        other => other?,
    };
    // SAFETY: plain call.
    let socket = own(unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) }, || {
        "socket(AF_UNIX)".to_owned()
    })?;
    let (address, length) = address_in(&place);
    let attempt = || {
        // SAFETY: the address lives until the call returns; the path is zero-terminated (shorter than sun_path).
        unsafe { libc::connect(socket.as_raw_fd(), ptr::from_ref(&address).cast(), length) as isize }
    };
    match retry(attempt, || format!("connect({directory:?}/ctl)")) {
        Ok(_) => Ok(Some(socket)),
        Err(error) if matches!(error.errno, libc::ECONNREFUSED | libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The address of `ctl` in an open directory.
pub(crate) fn address_in(directory: &OwnedFd) -> (libc::sockaddr_un, libc::socklen_t) {
    fill_address(&format!("{}/ctl", path_of(directory)))
}

/// The address of a socket in an open directory; ENAMETOOLONG when even its name does not fit.
pub(crate) fn address_of(directory: &OwnedFd, name: &str) -> SysResult<(libc::sockaddr_un, libc::socklen_t)> {
    let (full, place) = (fill_address(""), format!("{}/{name}", path_of(directory)));
    if place.len() >= full.0.sun_path.len() {
        return Err(SysError::new(format!("connect({name:?})"), libc::ENAMETOOLONG));
    }
    Ok(fill_address(&place))
}

fn fill_address(place: &str) -> (libc::sockaddr_un, libc::socklen_t) {
    // SAFETY: sockaddr_un is plain data, zero is a valid value.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (slot, byte) in address.sun_path.iter_mut().zip(place.bytes()) {
        *slot = byte as libc::c_char;
    }
    (address, mem::size_of::<libc::sockaddr_un>() as libc::socklen_t)
}

/// Sends one frame with its descriptors; blocks while the peer is slow. A vanished peer is EPIPE, never a signal.
pub fn send(channel: RawFd, text: &str, fds: &[RawFd]) -> SysResult<()> {
    let call = || format!("sendmsg({channel}, {} bytes, {} fds)", text.len(), fds.len());
    borrow(channel)?;
    if text.len() > FRAME_LIMIT || fds.len() > FRAME_FD_LIMIT {
        return Err(SysError::new(call(), libc::EMSGSIZE));
    }
    let header = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let total = HEADER_SIZE + text.len();
    let mut sent = 0;
    while sent < total {
        let (head, body) = if sent < HEADER_SIZE {
            (&header[sent..], text.as_bytes())
        } else {
            (&[][..], &text.as_bytes()[sent - HEADER_SIZE..])
        };
        sent += retry(|| send_part(channel, [head, body], if sent == 0 { fds } else { &[] }), call)?;
    }
    Ok(())
}

/// One sendmsg(2) of both parts, with descriptors.
pub(crate) fn send_part(channel: RawFd, parts: [&[u8]; 2], fds: &[RawFd]) -> isize {
    let mut vectors = parts.map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() });
    let mut control = [0_u64; CONTROL_WORDS];
    let fd_bytes = mem::size_of_val(fds);
    // SAFETY: msghdr is plain data; every pointer put into it lives until sendmsg returns; the control buffer holds
    // CMSG_SPACE of at most FRAME_FD_LIMIT descriptors (checked by `send`), and sendmsg does not write through iov_base.
    unsafe {
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = vectors.as_mut_ptr();
        message.msg_iovlen = vectors.len() as _;
        if !fds.is_empty() {
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(fd_bytes as u32) as _;
            let item = libc::CMSG_FIRSTHDR(&raw const message);
            (*item).cmsg_level = libc::SOL_SOCKET;
            (*item).cmsg_type = libc::SCM_RIGHTS;
            (*item).cmsg_len = libc::CMSG_LEN(fd_bytes as u32) as _;
            ptr::copy_nonoverlapping(fds.as_ptr().cast::<u8>(), libc::CMSG_DATA(item), fd_bytes);
        }
        libc::sendmsg(channel, &raw const message, libc::MSG_NOSIGNAL)
    }
}

/// Waits for one frame. `None` at a clean end (or when the peer is gone: ECONNRESET); an end within a frame is EPIPE.
pub fn receive(channel: RawFd) -> SysResult<Option<Frame>> {
    let call = || format!("recvmsg({channel})");
    borrow(channel)?;
    let mut header = [0; HEADER_SIZE];
    let mut fds = Vec::new();
    let mut have = 0;
    while have < HEADER_SIZE {
        let part = &mut header[have..];
        match retry(|| receive_part(channel, part, &mut fds), call) {
            Ok(0) if have == 0 => return Ok(None),
            Ok(0) => return Err(SysError::new(call(), libc::EPIPE)),
            Ok(count) => have += count,
            Err(error) if error.errno == libc::ECONNRESET => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_le_bytes(header) as usize;
    if length > FRAME_LIMIT {
        return Err(SysError::new(format!("recvmsg({channel}): frame of {length} bytes"), libc::EMSGSIZE));
    }
    let mut body = vec![0; length];
    let mut done = 0;
    while done < length {
        let rest = &mut body[done..];
        // SAFETY: the buffer is valid for its length.
        let count =
            retry(|| unsafe { libc::recv(channel, rest.as_mut_ptr().cast(), rest.len(), libc::MSG_WAITALL) }, call)?;
        if count == 0 {
            return Err(SysError::new(call(), libc::EPIPE));
        }
        done += count;
    }
    let text = String::from_utf8(body)
        .map_err(|_| SysError::new(format!("recvmsg({channel}): frame is not UTF-8"), libc::EBADMSG))?;
    Ok(Some(Frame { text, fds }))
}

/// One recvmsg(2); descriptors that come along are appended to `fds`.
pub(crate) fn receive_part(channel: RawFd, part: &mut [u8], fds: &mut Vec<OwnedFd>) -> isize {
    let mut vector = libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() };
    let mut control = [0_u64; CONTROL_WORDS];
    // SAFETY: msghdr is plain data whose pointers live until recvmsg returns; the kernel fills whole cmsghdrs, and each
    // descriptor in them is new to this process and owned by nobody else.
    unsafe {
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = mem::size_of_val(&control) as _;
        let count = libc::recvmsg(channel, &raw mut message, libc::MSG_CMSG_CLOEXEC);
        if count < 0 {
            return count;
        }
        let mut item = libc::CMSG_FIRSTHDR(&raw const message);
        while !item.is_null() {
            if (*item).cmsg_level == libc::SOL_SOCKET && (*item).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*item).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let numbers = libc::CMSG_DATA(item).cast::<RawFd>();
                for index in 0..bytes / mem::size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(numbers.add(index).read_unaligned()));
                }
            }
            item = libc::CMSG_NXTHDR(&raw const message, item);
        }
        count
    }
}

/// Ends both directions, so that a thread blocked in `receive` on a duplicate sees the end.
pub fn shut_down(channel: RawFd) {
    // SAFETY: takes any number; failure (not a socket, not connected) means there is nobody to wake.
    unsafe { libc::shutdown(channel, libc::SHUT_RDWR) };
}
