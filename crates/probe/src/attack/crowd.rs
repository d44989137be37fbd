//! Very many sockets at once, and what became of each.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use libc::{c_int, linger, pollfd, sockaddr_in, sockaddr_in6, socklen_t};
use serde_json::{Map, Value, json};

use crate::attempt::errno_name;
use crate::{hex, places};

/// A crowd, as its words tell.
struct Plan {
    is_stream: bool,
    first: SocketAddr,
    ports: u16,
    times: usize,
    /// Until then those that have not connected wait.
    patience: Duration,
    message: Vec<u8>,
}

/// `PROTOCOL FIRST PORTS TIMES MILLISECONDS HEX`: so many times to each of so many ports from the first on. All get the message once
/// they are connected. Says how often what came of it, then keeps them all until standard input ends, and resets them.
pub fn gather(words: &[&str]) -> Value {
    let Some(plan) = parse(words) else { return Value::Null };
    let mut counts = Map::new();
    let mut waiting = Vec::new();
    for _ in 0..plan.times {
        for offset in 0..plan.ports {
            let target = SocketAddr::new(plan.first.ip(), plan.first.port().wrapping_add(offset));
            match open(&plan, target) {
                Ok(socket) => waiting.push(socket),
                Err(error) => count(&mut counts, &error),
            }
        }
    }
    let end = Instant::now() + plan.patience;
    let mut there = Vec::new();
    while !waiting.is_empty() && Instant::now() < end {
        let (settled, others): (Vec<_>, Vec<_>) = split_ready(waiting);
        waiting = others;
        for socket in settled {
            match greet(&socket, &plan.message) {
                Ok(()) => there.push(socket),
                Err(error) => count(&mut counts, &error),
            }
        }
    }
    counts.insert("ok".to_owned(), there.len().into());
    counts.insert("waits".to_owned(), waiting.len().into());
    crate::say(&counts.into());
    // Whatever is written there: its end is waited for.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    json!("gone")
}

fn parse(words: &[&str]) -> Option<Plan> {
    let [protocol, first, ports, times, milliseconds, message] = words else { return None };
    Some(Plan {
        is_stream: *protocol == "tcp",
        first: places::parse(first)?,
        ports: ports.parse().ok()?,
        times: times.parse().ok()?,
        patience: Duration::from_millis(milliseconds.parse().ok()?),
        message: hex::read(message)?,
    })
}

fn count(counts: &mut Map<String, Value>, error: &Error) {
    let name = error.raw_os_error().map_or_else(|| error.to_string(), errno_name);
    let known = counts.get(&name).and_then(Value::as_u64).unwrap_or(0);
    counts.insert(name, (known + 1).into());
}

fn open(plan: &Plan, target: SocketAddr) -> io::Result<OwnedFd> {
    let family = if target.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = if plan.is_stream { libc::SOCK_STREAM } else { libc::SOCK_DGRAM };
    // SAFETY: integer arguments.
    let number = unsafe { libc::socket(family, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) };
    if number < 0 {
        return Err(Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(number) };
    if plan.is_stream {
        let reset = linger { l_onoff: 1, l_linger: 0 };
        // SAFETY: an option's value and its length.
        unsafe {
            let length = size_of_val(&reset) as socklen_t;
            libc::setsockopt(number, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const reset).cast(), length);
        }
    }
    match connect(number, target) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(socket),
    }
}

fn connect(socket: c_int, target: SocketAddr) -> io::Result<()> {
    let result = match target {
        SocketAddr::V4(v4) => {
            let address = sockaddr_in {
                sin_family: libc::AF_INET as u16,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: an address and its length.
            unsafe { libc::connect(socket, (&raw const address).cast(), size_of_val(&address) as socklen_t) }
        }
        SocketAddr::V6(v6) => {
            let address = sockaddr_in6 {
                sin6_family: libc::AF_INET6 as u16,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: an address and its length.
            unsafe { libc::connect(socket, (&raw const address).cast(), size_of_val(&address) as socklen_t) }
        }
    };
    if result == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}

/// Those that are connected or have failed, and those that still wait.
fn split_ready(sockets: Vec<OwnedFd>) -> (Vec<OwnedFd>, Vec<OwnedFd>) {
    const PATIENCE_MS: c_int = 20;
    let entry = |socket: &OwnedFd| pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    let mut watched: Vec<pollfd> = sockets.iter().map(entry).collect();
    // SAFETY: a slice and its length.
    unsafe { libc::poll(watched.as_mut_ptr(), watched.len() as libc::nfds_t, PATIENCE_MS) };
    let mut both = (Vec::new(), Vec::new());
    for (socket, look) in sockets.into_iter().zip(watched) {
        if look.revents == 0 { both.1.push(socket) } else { both.0.push(socket) }
    }
    both
}

fn greet(socket: &OwnedFd, message: &[u8]) -> io::Result<()> {
    let mut error: c_int = 0;
    let mut length = size_of_val(&error) as socklen_t;
    // SAFETY: an option's value and its length.
    unsafe {
        let into = (&raw mut error).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR, into, &raw mut length);
    }
    if error != 0 {
        return Err(Error::from_raw_os_error(error));
    }
    if message.is_empty() {
        return Ok(());
    }
    match std::fs::File::from(socket.try_clone()?).write(message) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}
