//! UDP out: a connected outside socket for each pair of ends. What it receives goes into the tun as from the destination, and
//! ICMP errors that it is told of as ICMP errors. Bounded per container, least recently used first.

use bunker_sys::inet::message::{self, Manner};
use bunker_sys::inet::{self, Kind, Moved};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::device::{Device, reason_of_sending};
use super::flow::{Bounds, Source};
use super::numbered::Numbered;
use super::peer::Peer;
use super::watch::{Purpose, Readiness, Watch};

const BOUNDS: Bounds = Bounds { per_owner: 1024, in_all: 8192 };
/// As the kernel's own connection tracking has it (nf_conntrack_udp_timeout, nf_conntrack_udp_timeout_stream).
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_ANSWERED: Duration = Duration::from_secs(120);
/// Datagrams of one socket in one turn.
const MOST_AT_ONCE: usize = 64;

/// Container's end, destination's end.
type Ends = (SocketAddr, SocketAddr);

struct Flow {
    peer: Peer,
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
        let target = SocketAddr::new(outside, ends.1.port());
        let peer = match self.flows.get(&ends) {
            Some(flow) => flow.peer.successor(Kind::Udp, target),
            None => Peer::connect(Kind::Udp, target).map(Some),
        };
        match peer {
            Ok(Some(peer)) => self.begin((ends, source), peer, watch),
            Ok(None) => {}
            Err(errno) => return refuse(ends, reason_of_sending(errno), device),
        }
        let Some(flow) = self.flows.get(&ends) else { return };
        let patience = if flow.is_answered { PATIENCE_ANSWERED } else { PATIENCE };
        if flow.manner != manner {
            // A wish: it arrives without, too.
            let _ = message::carry_as(flow.peer.fd(), ends.1.is_ipv6(), manner);
            flow.manner = manner;
        }
        let mut moved = inet::send(flow.peer.fd(), payload);
        if let Moved::Failed(errno) = moved {
            // It may be the answer to an earlier one, which has been told by now, or is when the socket's turn comes.
            moved = inet::send(flow.peer.fd(), payload);
            if moved == Moved::Failed(errno) {
                refuse(ends, reason_of_sending(errno), device);
            }
        }
        self.flows.refresh(&ends, Instant::now() + patience);
    }

    fn begin(&mut self, (ends, source): (Ends, Source), peer: Peer, watch: &mut Watch) {
        let number = watch.number();
        if watch.readable(peer.fd(), Purpose::Datagrams, number).is_err() {
            return;
        }
        let flow = Flow { peer, is_answered: false, manner: Manner::default() };
        self.flows.insert(ends, (number, flow), (source, Instant::now() + PATIENCE));
    }

    /// There is news of an outside socket.
    pub(crate) fn note(&mut self, number: u64, readiness: Readiness, desk: (&mut Device, &mut [u8])) {
        let (device, buffer) = desk;
        let Some(ends) = self.flows.key(number) else { return };
        let Some(flow) = self.flows.get(&ends) else { return };
        if readiness.broken {
            flow.peer
                .errors()
                .for_each(|refusal| device.about_datagram(ends, |device, about| device.pass_on(refusal, about)));
        }
        for _ in 0..MOST_AT_ONCE {
            match inet::receive(flow.peer.fd(), buffer) {
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

fn refuse(ends: Ends, reason: Option<super::packet::build::Reason>, device: &mut Device) {
    if let Some(reason) = reason {
        device.about_datagram(ends, |device, about| device.error(reason, about));
    }
}
