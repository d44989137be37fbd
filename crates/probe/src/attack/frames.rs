//! Ethernet frames as they are, past every protocol of the kernel's: whatever a container with raw sockets may put on its link,
//! and whatever comes there.

use std::ffi::CString;
use std::io::{self, BufRead, Error};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, c_void, pollfd, sockaddr_ll, socklen_t};
use serde_json::{Map, Value};

use crate::attempt::errno_name;
use crate::hex;

/// What is longer than any frame, with what a kernel may put together of several.
const LONGEST: usize = 70_000;
/// Of frames that came; nobody looks at more.
const MOST: usize = 2_000;

/// Sends what stands on standard input, a frame a line: how often the kernel said what.
pub fn send(link: &str) -> Value {
    let socket = match open(link) {
        Ok(socket) => socket,
        Err(error) => return word(&error).into(),
    };
    let mut counts = Map::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let Some(frame) = hex::read(&line) else { return Value::Null };
        // SAFETY: a slice and its length.
        let sent = unsafe { libc::send(socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        let outcome = if sent < 0 { word(&Error::last_os_error()) } else { "ok".to_owned() };
        let count = counts.get(&outcome).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(outcome, (count + 1).into());
    }
    counts.into()
}

/// The frames that come to a link, also those for others, until standard input ends. Says first that it listens.
pub fn hear(link: &str) -> Value {
    let socket = match open(link) {
        Ok(socket) => socket,
        Err(error) => return word(&error).into(),
    };
    crate::say(&"listens".into());
    let mut buffer = vec![0_u8; LONGEST];
    let mut heard = Vec::new();
    let entry = |fd| pollfd { fd, events: libc::POLLIN, revents: 0 };
    loop {
        let mut watched = [entry(socket.as_raw_fd()), entry(libc::STDIN_FILENO)];
        // SAFETY: an array and its length.
        unsafe { libc::poll(watched.as_mut_ptr(), 2, -1) };
        if watched[0].revents == 0 {
            return heard.into();
        }
        if let Some(frame) = receive(&socket, &mut buffer).filter(|_| heard.len() < MOST) {
            heard.push(hex::write(frame));
        }
    }
}

/// `None`: one of this container's own.
fn receive<'a>(socket: &OwnedFd, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut from = address(0);
    let mut size = length_of(&from);
    let (into, length): (*mut c_void, usize) = (buffer.as_mut_ptr().cast(), buffer.len());
    // SAFETY: a buffer and an address with their lengths.
    let count = unsafe {
        libc::recvfrom(socket.as_raw_fd(), into, length, libc::MSG_DONTWAIT, (&raw mut from).cast(), &raw mut size)
    };
    let frame = buffer.get(..usize::try_from(count).ok()?)?;
    (from.sll_pkttype != libc::PACKET_OUTGOING).then_some(frame)
}

fn open(link: &str) -> io::Result<OwnedFd> {
    let name = CString::new(link)?;
    let everything = libc::ETH_P_ALL as u16;
    // SAFETY: integer arguments.
    let number =
        unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, everything.to_be().into()) };
    if number < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    // SAFETY: zero-terminated.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    let place = address(index.cast_signed());
    // SAFETY: an address and its length.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const place).cast(), length_of(&place)) } {
        0 => Ok(socket),
        _ => Err(Error::last_os_error()),
    }
}

fn address(index: c_int) -> sockaddr_ll {
    // SAFETY: numbers and arrays of them, for which all zeros are values.
    let mut address: sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index;
    address
}

fn length_of(address: &sockaddr_ll) -> socklen_t {
    size_of_val(address) as socklen_t
}

fn word(error: &Error) -> String {
    errno_name(error.raw_os_error().unwrap_or(0))
}
