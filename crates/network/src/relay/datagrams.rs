//! UDP out: a connected outside socket for each pair of ends. What it receives goes into the tun as from the destination, and
//! ICMP errors that it is told of as ICMP errors. Bounded per container, least recently used first.

use bunker_sys::inet::message::{self, Manner, Refusal};
use bunker_sys::inet::{self, Kind, Moved, Switch};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::device::{Device, reason_of_sending};
use super::flow::{Bounds, Source};
use super::numbered::Numbered;
use super::watch::{Purpose, Readiness, Watch};

const BOUNDS: Bounds = Bounds { per_owner: 1024, in_all: 8192 };
/// As the kernel's own connection tracking has it (nf_conntrack_udp_timeout, nf_conntrack_udp_timeout_stream).
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_ANSWERED: Duration = Duration::from_secs(120);
/// Datagrams, or errors, of one socket in one turn.
const MOST_AT_ONCE: usize = 64;

/// Container's end, destination's end.
type Ends = (SocketAddr, SocketAddr);

struct Flow {
    socket: OwnedFd,
    is_answered: bool,
    /// Of the last one.
    manner: Manner,
}

pub(crate) struct Datagrams {
    flows: Numbered<Ends, Flow>,
}

impl Datagrams {
    pub(crate) fn new() -> Self {
        Self { flows: Numbered::new(BOUNDS) }
    }

    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    /// A container's datagram that may go to `outside`.
    pub(crate) fn send(
        &mut self,
        (ends, manner, payload): (Ends, Manner, &[u8]),
        (source, outside): (Source, IpAddr),
        (device, watch): (&mut Device, &mut Watch),
    ) {
        if self.flows.get(&ends).is_none() {
            match connect(Kind::Udp, SocketAddr::new(outside, ends.1.port())) {
                Ok(socket) => self.begin((ends, source), socket, watch),
                Err(errno) => return refuse(ends, reason_of_sending(errno), device),
            }
        }
        let Some(flow) = self.flows.get(&ends) else { return };
        let patience = if flow.is_answered { PATIENCE_ANSWERED } else { PATIENCE };
        if flow.manner != manner {
            // A wish: it arrives without, too.
            let _ = message::carry_as(flow.socket.as_fd(), ends.1.is_ipv6(), manner);
            flow.manner = manner;
        }
        let mut moved = inet::send(flow.socket.as_fd(), payload);
        if let Moved::Failed(errno) = moved {
            // It may be the answer to an earlier one, which has been told by now, or is when the socket's turn comes.
            moved = inet::send(flow.socket.as_fd(), payload);
            if moved == Moved::Failed(errno) {
                refuse(ends, reason_of_sending(errno), device);
            }
        }
        self.flows.refresh(&ends, Instant::now() + patience);
    }

    fn begin(&mut self, (ends, source): (Ends, Source), socket: OwnedFd, watch: &mut Watch) {
        let number = watch.number();
        if watch.readable(socket.as_fd(), Purpose::Datagrams, number).is_err() {
            return;
        }
        let flow = Flow { socket, is_answered: false, manner: Manner::default() };
        self.flows.insert(ends, (number, flow), (source, Instant::now() + PATIENCE));
    }

    /// There is news of an outside socket.
    pub(crate) fn note(&mut self, number: u64, readiness: Readiness, desk: (&mut Device, &mut [u8])) {
        let (device, buffer) = desk;
        let Some(ends) = self.flows.key(number) else { return };
        let Some(flow) = self.flows.get(&ends) else { return };
        if readiness.broken {
            errors(&flow.socket)
                .for_each(|refusal| device.about_datagram(ends, |device, about| device.pass_on(refusal, about)));
        }
        for _ in 0..MOST_AT_ONCE {
            match inet::receive(flow.socket.as_fd(), buffer) {
                Moved::Bytes(count) => {
                    flow.is_answered = true;
                    device.datagram(ends.1, ends.0, buffer.get(..count).unwrap_or_default());
                }
                Moved::Later => break,
                // Told by the error queue.
                Moved::Failed(_) => {}
            }
        }
        if flow.is_answered {
            self.flows.refresh(&ends, Instant::now() + PATIENCE_ANSWERED);
        }
    }

    pub(crate) fn forget(&mut self, source: IpAddr) {
        self.flows.forget(source);
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.flows.expire(now);
    }
}

/// What the error queue of a socket holds; afterwards it has no error.
pub(crate) fn errors(socket: &OwnedFd) -> impl Iterator<Item = Refusal> + '_ {
    inet::take_error(socket.as_fd());
    (0..MOST_AT_ONCE).map_while(|_| message::receive_error(socket.as_fd()))
}

/// A socket without connections that hears one peer, and of errors on the way to it.
pub(crate) fn connect(kind: Kind, target: SocketAddr) -> Result<OwnedFd, i32> {
    let socket = inet::socket(kind, target.ip()).map_err(|error| error.errno)?;
    // Without it a refusal is not heard of, which UDP and ICMP allow.
    let _ = inet::enable(socket.as_fd(), Switch::Errors(target.is_ipv6()));
    inet::connect(socket.as_fd(), target).map_err(|error| error.errno)?;
    Ok(socket)
}

fn refuse(ends: Ends, reason: Option<super::packet::build::Reason>, device: &mut Device) {
    if let Some(reason) = reason {
        device.about_datagram(ends, |device, about| device.error(reason, about));
    }
}
