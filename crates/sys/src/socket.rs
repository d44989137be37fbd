//! The keeper's side of its channels: listening on a socket in a directory, and frames without waiting.
//! A frame is what `client::channel` describes: u32 little-endian length, then text; descriptors ride on the header.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::{mem, ptr};

use crate::client::channel::{FRAME_FD_LIMIT, FRAME_LIMIT, receive_part};
use crate::client::files;
use crate::raw::{check, own, retry};
use crate::{SysError, SysResult};

const HEADER_SIZE: usize = 4;
const BACKLOG: i32 = 64;

/// Binds and listens on `directory`/ctl through a descriptor of the directory (its path may exceed sun_path's 108 bytes).
/// What an earlier keeper left there is replaced.
pub fn listen_control(directory: &str) -> SysResult<OwnedFd> {
    let place = files::open(directory, libc::O_PATH | libc::O_DIRECTORY)?;
    let (address, length) = crate::client::channel::address_in(&place);
    let flags = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain calls; the address lives through them.
    unsafe {
        let socket = own(libc::socket(libc::AF_UNIX, flags, 0), || "socket(AF_UNIX)".to_owned())?;
        libc::unlinkat(place.as_raw_fd(), c"ctl".as_ptr(), 0);
        check(libc::bind(socket.as_raw_fd(), ptr::from_ref(&address).cast(), length), || {
            format!("bind({directory:?}/ctl)")
        })?;
        check(libc::listen(socket.as_raw_fd(), BACKLOG), || "listen()".to_owned())?;
        Ok(socket)
    }
}

/// The next client, if it is of this user; `None` when there is none (any more).
pub fn accept(listener: BorrowedFd<'_>) -> SysResult<Option<OwnedFd>> {
    let Some(client) = accept_anybody(listener)? else { return Ok(None) };
    Ok((peer(client.as_fd())?.uid == crate::credential::effective_user()).then_some(client))
}

/// The same, whoever it is, on a socket that only those can reach who are meant to.
pub fn accept_anybody(listener: BorrowedFd<'_>) -> SysResult<Option<OwnedFd>> {
    accept_as(listener, libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
}

fn accept_as(listener: BorrowedFd<'_>, flags: i32) -> SysResult<Option<OwnedFd>> {
    // SAFETY: no address is asked for.
    let accepted = unsafe { libc::accept4(listener.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags) };
    match own(accepted, || "accept4()".to_owned()) {
        Err(error) if matches!(error.errno, libc::EAGAIN | libc::ECONNABORTED | libc::EINTR) => Ok(None),
        other => other.map(Some),
    }
}

/// Waits for a client, whoever it is: who may come is up to the directory. Its connection blocks.
pub fn await_caller(listener: BorrowedFd<'_>) -> SysResult<OwnedFd> {
    loop {
        crate::poll::wait(&mut [crate::poll::Watch::new(listener, true, false)], -1)?;
        if let Some(client) = accept_as(listener, libc::SOCK_CLOEXEC)? {
            return Ok(client);
        }
    }
}

/// Connects to the socket `name` in an open directory.
pub fn connect_in(directory: &OwnedFd, name: &str) -> SysResult<OwnedFd> {
    let (address, length) = crate::client::channel::address_of(directory, name)?;
    // SAFETY: plain calls; the address lives through them.
    unsafe {
        let socket = own(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0), || {
            "socket(AF_UNIX)".to_owned()
        })?;
        check(libc::connect(socket.as_raw_fd(), ptr::from_ref(&address).cast(), length), || {
            format!("connect({name:?})")
        })?;
        Ok(socket)
    }
}

/// The process at the other end, for as long as it is there: who made the pair, or who listened. `None`: it is gone, cannot be seen
/// from here, or is this one.
pub fn peer_process(socket: &OwnedFd) -> SysResult<Option<OwnedFd>> {
    let pid = peer(socket.as_fd())?.pid;
    if pid <= 0 || pid == crate::process::own_pid() {
        return Ok(None);
    }
    let opened = match crate::process::open_pidfd(pid) {
        Err(error) if error.errno == libc::ESRCH => return Ok(None),
        other => other?,
    };
    // Opened first, looked after: a number is nobody else's while its end is open.
    let mut watches = [crate::poll::Watch::new(socket.as_fd(), false, false)];
    crate::poll::wait(&mut watches, 0)?;
    Ok((!watches[0].is_broken()).then_some(opened))
}

fn peer(socket: BorrowedFd<'_>) -> SysResult<libc::ucred> {
    // SAFETY: ucred is plain data of the length given.
    unsafe {
        let mut peer: libc::ucred = mem::zeroed();
        let mut length = size_of::<libc::ucred>() as libc::socklen_t;
        let result = libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        );
        check(result, || "getsockopt(SO_PEERCRED)".to_owned())?;
        Ok(peer)
    }
}

/// A frame that is coming in, piece by piece.
#[derive(Default)]
pub struct Inbox {
    header: Vec<u8>,
    body: Vec<u8>,
    fds: Vec<OwnedFd>,
}

/// What one look into a channel found.
pub enum Arrival {
    Frame {
        body: Vec<u8>,
        fds: Vec<OwnedFd>,
    },
    /// Nothing whole yet.
    Later,
    /// The peer has closed, or broken the rules.
    Ended,
}

impl Inbox {
    /// Reads what is there, up to the end of one frame: descriptors that come along belong to that frame.
    pub fn receive(&mut self, channel: BorrowedFd<'_>) -> SysResult<Arrival> {
        loop {
            if self.header.len() == HEADER_SIZE && self.body.len() == self.length() {
                self.header.clear();
                return Ok(Arrival::Frame { body: mem::take(&mut self.body), fds: mem::take(&mut self.fds) });
            }
            let mut buffer = vec![0; self.wanted()];
            let fds = &mut self.fds;
            let attempt = || receive_part(channel.as_raw_fd(), &mut buffer, fds);
            let count = match retry(attempt, || "recvmsg(client)".to_owned()) {
                Ok(0) => return Ok(Arrival::Ended),
                Ok(count) => count,
                Err(error) if error.errno == libc::EAGAIN => return Ok(Arrival::Later),
                Err(error) if error.errno == libc::ECONNRESET => return Ok(Arrival::Ended),
                Err(error) => return Err(error),
            };
            let target = if self.header.len() < HEADER_SIZE { &mut self.header } else { &mut self.body };
            target.extend_from_slice(&buffer[..count]);
            if self.length() > FRAME_LIMIT || self.fds.len() > FRAME_FD_LIMIT {
                return Ok(Arrival::Ended);
            }
        }
    }

    /// The body's announced length; 0 before the header is whole.
    fn length(&self) -> usize {
        match <[u8; HEADER_SIZE]>::try_from(self.header.as_slice()) {
            Ok(bytes) => u32::from_le_bytes(bytes) as usize,
            Err(_) => 0,
        }
    }

    fn wanted(&self) -> usize {
        /// Grows with what has really come, not with what a peer announces.
        const STEP: usize = 64 * 1024;
        let missing = if self.header.len() < HEADER_SIZE {
            HEADER_SIZE - self.header.len()
        } else {
            self.length() - self.body.len()
        };
        missing.min(STEP)
    }
}

/// Sends one small frame without waiting; false when the peer does not read or is gone.
pub fn send_frame(channel: BorrowedFd<'_>, text: &str) -> bool {
    let mut frame = u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    frame.extend_from_slice(text.as_bytes());
    matches!(crate::file::send(channel, &frame), Ok(crate::file::Transfer::Done(count)) if count == frame.len())
}

/// As `send_frame`, with a descriptor.
pub fn send_frame_with(channel: BorrowedFd<'_>, text: &str, fd: BorrowedFd<'_>) -> bool {
    crate::client::channel::send(channel.as_raw_fd(), text, &[fd.as_raw_fd()]).is_ok()
}

/// A connected pair of packet sockets: one message, one send, descriptors beside it.
pub fn packet_pair() -> SysResult<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: a valid array of two ints; then fresh descriptors that nobody else owns.
    unsafe {
        let result = libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0, ends.as_mut_ptr());
        check(result, || "socketpair(SEQPACKET)".to_owned())?;
        use std::os::fd::FromRawFd;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Sends one packet with descriptors.
pub fn send_packet(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> SysResult<()> {
    let numbers: Vec<_> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let attempt = || crate::client::channel::send_part(socket.as_raw_fd(), [bytes, &[]], &numbers);
    retry(attempt, || format!("sendmsg({} bytes)", bytes.len())).map(drop)
}

/// Waits for one packet of at most `limit` bytes; `None`: the other side has closed.
pub fn receive_packet(socket: BorrowedFd<'_>, limit: usize) -> SysResult<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut buffer = vec![0; limit];
    let mut fds = Vec::new();
    let attempt = || receive_part(socket.as_raw_fd(), &mut buffer, &mut fds);
    let count = match retry(attempt, || "recvmsg(packet)".to_owned()) {
        Err(SysError { errno: libc::ECONNRESET, .. }) => 0,
        other => other?,
    };
    buffer.truncate(count);
    Ok((count > 0).then_some((buffer, fds)))
}

#[cfg(test)]
#[path = "socket_test.rs"]
mod tests;
