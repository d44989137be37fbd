//! Echo requests out, by ping sockets: the kernel chooses the identifier outside, the container's own is put back. Where the
//! host does not allow this user's group such sockets (net.ipv4.ping_group_range) the container hears that it is prohibited.

use bunker_sys::inet::{self, Kind, Moved, Switch};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::datagrams::errors;
use super::device::{Device, reason_of_refusal, reason_of_sending};
use super::flow::{Bounds, Table};
use super::packet::{Body, Echo, Packet};
use super::watch::{Purpose, Readiness, Watch};

const BOUNDS: Bounds = Bounds { per_source: 128, in_all: 1024 };
/// As the kernel's own connection tracking has it (nf_conntrack_icmp_timeout).
const PATIENCE: Duration = Duration::from_secs(30);
const MOST_AT_ONCE: usize = 64;
/// What an error about a request quotes of it is no longer.
const QUOTED: usize = 576;
const HEADER: usize = 8;

/// Container, destination, identifier.
type Key = (IpAddr, IpAddr, u16);

struct Flow {
    number: u64,
    socket: OwnedFd,
    last_request: Vec<u8>,
}

pub(crate) struct Echoes {
    table: Table<Key, Flow>,
    keys: HashMap<u64, Key>,
}

impl Echoes {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(BOUNDS), keys: HashMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// A container's request that may go to `outside`.
    pub(crate) fn send(
        &mut self,
        (packet, echo): (&Packet<'_>, Echo<'_>),
        outside: IpAddr,
        (device, watch): (&mut Device, &mut Watch),
    ) {
        let key = (packet.source, packet.destination, echo.identifier);
        if self.table.get(&key).is_none() {
            match connect(outside) {
                Ok(socket) => self.begin(key, socket, watch),
                Err(errno) => return refuse(packet, errno, device),
            }
        }
        let Some(flow) = self.table.get(&key) else { return };
        flow.last_request = packet.whole.iter().take(QUOTED).copied().collect();
        // The kernel puts in the identifier and the checksum.
        let mut request = vec![if outside.is_ipv6() { 128 } else { 8 }, 0, 0, 0, 0, 0];
        request.extend(echo.sequence.to_be_bytes());
        request.extend_from_slice(echo.data);
        if let Moved::Failed(errno) = inet::send(flow.socket.as_fd(), &request) {
            refuse(packet, errno, device);
        }
        self.table.refresh(&key, Instant::now() + PATIENCE);
    }

    fn begin(&mut self, key: Key, socket: OwnedFd, watch: &mut Watch) {
        let number = watch.number();
        if watch.readable(socket.as_fd(), Purpose::Echo, number).is_err() {
            return;
        }
        let flow = Flow { number, socket, last_request: Vec::new() };
        let gone = self.table.insert(key, flow, (key.0, Instant::now() + PATIENCE));
        self.keys.insert(number, key);
        self.drop_all(gone);
    }

    /// There is news of a ping socket.
    pub(crate) fn note(&mut self, number: u64, readiness: Readiness, (device, buffer): (&mut Device, &mut [u8])) {
        let Some(key) = self.keys.get(&number).copied() else { return };
        let Some(flow) = self.table.get(&key) else { return };
        let (source, destination, identifier) = key;
        if readiness.broken {
            let about = Packet { source, destination, body: Body::Other, whole: &flow.last_request };
            let reasons = errors(&flow.socket).filter_map(|refusal| reason_of_refusal(refusal, destination));
            reasons.for_each(|reason| device.error(reason, &about));
        }
        for _ in 0..MOST_AT_ONCE {
            let count = match inet::receive(flow.socket.as_fd(), buffer) {
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
        let gone = self.table.forget(source);
        self.drop_all(gone);
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        let gone = self.table.expire(now);
        self.drop_all(gone);
    }

    fn drop_all(&mut self, gone: impl IntoIterator<Item = Flow>) {
        for flow in gone {
            self.keys.remove(&flow.number);
        }
    }
}

fn connect(outside: IpAddr) -> Result<OwnedFd, i32> {
    let socket = inet::socket(Kind::Ping, outside).map_err(|error| error.errno)?;
    // Without it an error is not heard of.
    let _ = inet::enable(socket.as_fd(), Switch::Errors(outside.is_ipv6()));
    inet::connect(socket.as_fd(), SocketAddr::new(outside, 0)).map_err(|error| error.errno)?;
    Ok(socket)
}

fn refuse(packet: &Packet<'_>, errno: i32, device: &mut Device) {
    if let Some(reason) = reason_of_sending(errno) {
        device.error(reason, packet);
    }
}
