//! Echo requests out, by ping sockets: the kernel chooses the identifier outside, the container's own is put back. Where the
//! host does not allow this user's group such sockets (net.ipv4.ping_group_range) the container hears that it is prohibited.

use bunker_sys::inet::message::{self, Manner};
use bunker_sys::inet::{self, Kind, Moved};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::device::{Device, reason_of_sending};
use super::flow::{Bounds, Source};
use super::numbered::Numbered;
use super::packet::{Body, Echo, Packet};
use super::peer::Peer;
use super::watch::{Purpose, Readiness, Watch};

const BOUNDS: Bounds = Bounds { per_owner: 128, in_all: 1024 };
/// As the kernel's own connection tracking has it (nf_conntrack_icmp_timeout).
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_AT_ONCE: usize = 64;
/// What an error about a request quotes of it is no longer.
const QUOTED: usize = 576;
const HEADER: usize = 8;

/// Container, destination, identifier.
type Key = (IpAddr, IpAddr, u16);

struct Flow {
    peer: Peer,
    last_request: Vec<u8>,
    /// The last request's.
    manner: Manner,
}

pub(crate) struct Echoes {
    flows: Numbered<Key, Flow>,
}

impl Echoes {
    pub(crate) fn new() -> Self {
        Self { flows: Numbered::new(BOUNDS) }
    }

    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    /// A container's request that may go to `outside`.
    pub(crate) fn send(
        &mut self,
        (packet, echo): (&Packet<'_>, Echo<'_>),
        (source, outside): (Source, IpAddr),
        (device, watch): (&mut Device, &mut Watch),
    ) {
        let key = (packet.source, packet.destination, echo.identifier);
        let target = SocketAddr::new(outside, 0);
        let peer = match self.flows.get(&key) {
            Some(flow) => flow.peer.successor(Kind::Ping, target),
            None => Peer::connect(Kind::Ping, target).map(Some),
        };
        match peer {
            Ok(Some(peer)) => self.begin((key, source), peer, watch),
            Ok(None) => {}
            Err(errno) => return refuse(packet, errno, device),
        }
        let Some(flow) = self.flows.get(&key) else { return };
        if flow.manner != packet.manner {
            // A wish: it arrives without, too.
            let _ = message::carry_as(flow.peer.fd(), packet.destination.is_ipv6(), packet.manner);
            flow.manner = packet.manner;
        }
        flow.last_request = packet.whole.iter().take(QUOTED).copied().collect();
        // The kernel puts in the identifier and the checksum.
        let mut request = vec![if outside.is_ipv6() { 128 } else { 8 }, 0, 0, 0, 0, 0];
        request.extend(echo.sequence.to_be_bytes());
        request.extend_from_slice(echo.data);
        if let Moved::Failed(errno) = inet::send(flow.peer.fd(), &request) {
            refuse(packet, errno, device);
        }
        self.flows.refresh(&key, Instant::now() + PATIENCE);
    }

    fn begin(&mut self, (key, source): (Key, Source), peer: Peer, watch: &mut Watch) {
        let number = watch.number();
        if watch.readable(peer.fd(), Purpose::Echo, number).is_err() {
            return;
        }
        let flow = Flow { peer, last_request: Vec::new(), manner: Manner::default() };
        self.flows.insert(key, (number, flow), (source, Instant::now() + PATIENCE));
    }

    /// There is news of a ping socket.
    pub(crate) fn note(&mut self, number: u64, readiness: Readiness, (device, buffer): (&mut Device, &mut [u8])) {
        let Some(key) = self.flows.key(number) else { return };
        let Some(flow) = self.flows.get(&key) else { return };
        let (source, destination, identifier) = key;
        if readiness.broken {
            let about =
                Packet { source, destination, manner: flow.manner, body: Body::Other, whole: &flow.last_request };
            flow.peer.errors().for_each(|refusal| device.pass_on(refusal, &about));
        }
        for _ in 0..MOST_AT_ONCE {
            let count = match inet::receive(flow.peer.fd(), buffer) {
                Moved::Bytes(count) => count,
                Moved::Later => break,
                Moved::Failed(_) => continue,
            };
            let reply = buffer.get(..count).unwrap_or_default();
            if let (Some(data), Some([_, _, _, _, _, _, high, low])) = (reply.get(HEADER..), reply.first_chunk()) {
                let echo = Echo { identifier, sequence: u16::from_be_bytes([*high, *low]), data };
                device.echo_reply(destination, source, echo);
            }
        }
    }

    pub(crate) fn forget(&mut self, source: IpAddr) {
        self.flows.forget(source);
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.flows.expire(now);
    }
}

fn refuse(packet: &Packet<'_>, errno: i32, device: &mut Device) {
    if let Some(reason) = reason_of_sending(errno) {
        device.error(reason, packet);
    }
}
