//! Held SYNs: a container's first SYN waits here while we connect outside. When that succeeds the very same packet goes back
//! into the tun, and the kernel of N answers it; a refusal is answered with a reset, an unreachable destination with an ICMP
//! error, silence with nothing. Bounded per container: its oldest makes room; each lives as long as the container repeats it.

use bunker_sys::inet::{self, Kind, Switch};
use std::io::{Error, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::device::{Device, reason_of};
use super::flow::{Bounds, Source};
use super::numbered::Numbered;
use super::packet::{Body, Packet, Segment, parse};
use super::watch::Watch;

/// A flood from one container takes no more than this from it, and nothing from others.
const PENDING_BOUNDS: Bounds = Bounds { per_owner: 1024, in_all: 8192 };
/// What has succeeded is about to be accepted, so that nothing must push it out: that would be a reset. Room for those that are
/// half open, and all that were pending besides.
const DONE_BOUNDS: Bounds = Bounds { per_owner: MOST_HALF_OPEN + PENDING_BOUNDS.per_owner, in_all: 8192 };
/// Of one container: what N's kernel has answered and has not been answered itself. It keeps such for as long as we do, in the
/// listener's queue, which is everybody's.
const MOST_HALF_OPEN: usize = 1024;
/// N repeats its answer after one and three seconds, and gives up after seven.
const HALF_OPEN_PATIENCE: Duration = Duration::from_secs(8);
/// The first repetition comes after a second; a busy machine may be late.
const FIRST_PATIENCE: Duration = Duration::from_secs(4);
/// Larger SYNs (with data, TCP Fast Open) are not kept: who sends one repeats it without.
const LONGEST_SYN: usize = 1500;

/// Container's end, destination's end.
type Key = (SocketAddr, SocketAddr);

struct Attempt {
    number: u64,
    source: Source,
    socket: OwnedFd,
    syn: Vec<u8>,
    sequence: u32,
    since: Instant,
}

pub(crate) struct Attempts {
    pending: Numbered<Key, Attempt>,
    /// Given back to the tun, not yet accepted.
    done: Numbered<Key, Attempt>,
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self { pending: Numbered::new(PENDING_BOUNDS), done: Numbered::new(DONE_BOUNDS) }
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.done.is_empty()
    }

    /// A SYN that may go to `outside`.
    pub(crate) fn begin(
        &mut self,
        (packet, segment): (&Packet<'_>, Segment),
        (source, outside): (Source, IpAddr),
        (device, watch): (&mut Device, &mut Watch),
    ) {
        let Some(key) = packet.ends() else { return };
        let now = Instant::now();
        if self.is_repeated(key, segment.sequence, now) {
            if self.done.get(&key).is_some() {
                device.write(packet.whole);
            }
            return;
        }
        // It is repeated, and more may have been accepted then.
        if packet.whole.len() > LONGEST_SYN || self.done.count_of(source.owner) >= MOST_HALF_OPEN {
            return;
        }
        let target = SocketAddr::new(outside, segment.destination_port);
        let (socket, is_connected) = match connect(target) {
            Ok(made) => made,
            Err(errno) => return refuse((packet, segment), errno, device),
        };
        let number = watch.number();
        if watch.attempt(socket.as_fd(), number).is_err() {
            return;
        }
        let (syn, sequence) = (packet.whole.to_vec(), segment.sequence);
        let attempt = Attempt { number, source, socket, syn, sequence, since: now };
        self.pending.insert(key, (number, attempt), (source, now + FIRST_PATIENCE));
        if is_connected {
            self.finish(key, device);
        }
    }

    /// Whether it is known. It may wait for longer then; another attempt between the same ends takes the old one's place.
    fn is_repeated(&mut self, key: Key, sequence: u32, now: Instant) -> bool {
        for table in [&mut self.pending, &mut self.done] {
            let Some(known) = table.get(&key) else { continue };
            if known.sequence == sequence {
                // The next repetition comes after as long as all before took.
                let patience = FIRST_PATIENCE + (now - known.since) * 2;
                table.extend(&key, now + patience);
                return true;
            }
            table.remove(&key);
        }
        false
    }

    /// There is news of an attempt.
    pub(crate) fn note(&mut self, number: u64, device: &mut Device) {
        let Some(key) = self.pending.key(number) else { return };
        let Some(attempt) = self.pending.get(&key) else { return };
        let errno = inet::take_error(attempt.socket.as_fd());
        if errno == 0 {
            return self.finish(key, device);
        }
        if let Some(packet) = parse(&attempt.syn)
            && let Body::Tcp(segment) = packet.body
        {
            refuse((&packet, segment), errno, device);
        }
        self.pending.remove(&key);
    }

    /// The destination has answered, and so may the kernel of N.
    fn finish(&mut self, key: Key, device: &Device) {
        let Some(attempt) = self.pending.remove(&key) else { return };
        device.write(&attempt.syn);
        let kept = (attempt.source, Instant::now() + HALF_OPEN_PATIENCE);
        self.done.insert(key, (attempt.number, attempt), kept);
    }

    /// The outside socket for a connection that the kernel of N has accepted, and whose it is.
    pub(crate) fn take(&mut self, key: Key) -> Option<(OwnedFd, Source)> {
        self.done.remove(&key).map(|attempt| (attempt.socket, attempt.source))
    }

    pub(crate) fn forget(&mut self, source: IpAddr) {
        self.pending.forget(source);
        self.done.forget(source);
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.pending.expire(now);
        self.done.expire(now);
    }
}

fn connect(target: SocketAddr) -> Result<(OwnedFd, bool), i32> {
    let socket = inet::socket(Kind::Tcp, target.ip()).map_err(|error| error.errno)?;
    // Both are wishes: small writes go on at once, and a peer that is gone is noticed one day.
    let _ = inet::enable(socket.as_fd(), Switch::NoDelay);
    let _ = inet::enable(socket.as_fd(), Switch::KeepAlive);
    let is_connected = inet::connect(socket.as_fd(), target).map_err(|error| error.errno)?;
    Ok((socket, is_connected))
}

fn refuse((packet, segment): (&Packet<'_>, Segment), errno: i32, device: &mut Device) {
    let is_refused = |kind| matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset);
    match reason_of(errno) {
        Some(reason) => device.error(reason, packet),
        None if is_refused(Error::from_raw_os_error(errno).kind()) => device.reset(packet, segment),
        None => {}
    }
}
