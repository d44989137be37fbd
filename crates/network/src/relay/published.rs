//! Published UDP ports: a host socket each. A client's datagram goes into the tun with the client's own address, the answer
//! comes out of the tun and is known by its ends. A client whose address cannot be used inside (the host's loopback, one of
//! our own networks, the other family) gets a socket in N that has the gateway's, which the inward thread makes.

use bunker_sys::inet::message::{self, Arrived};
use bunker_sys::inet::{self, Moved};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::device::Device;
use super::flow::{Bounds, Source};
use super::numbered::Numbered;
use super::policy::{Permission, Sources};
use super::watch::{Purpose, Watch};

/// Clients of all ports, and of one container's.
const BOUNDS: Bounds = Bounds { per_owner: 4096, in_all: 8192 };
const PATIENCE: Duration = Duration::from_secs(120);
const MOST_AT_ONCE: usize = 64;
/// Datagrams kept until the socket is there: a moment.
const MOST_WAITING: usize = 8;

/// Where a port leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) target: SocketAddr,
    pub(crate) gateway: IpAddr,
}

/// The container's end, the client's end.
type Ends = (SocketAddr, SocketAddr);

enum Path {
    /// With the client's own address.
    Tun,
    Waiting(Vec<Vec<u8>>),
    Socket(OwnedFd),
}

struct Client {
    port: u64,
    /// As the host's socket writes it, which may have IPv4 in IPv6.
    address: SocketAddr,
    /// The address of the host's that the client knows.
    local: Option<IpAddr>,
    path: Path,
}

struct Port {
    socket: OwnedFd,
    destination: Destination,
}

pub(crate) struct Published {
    ports: HashMap<u64, Port>,
    clients: Numbered<Ends, Client>,
}

/// A socket in N that is wanted for a client; it is given to `place`.
pub(crate) struct Wanted {
    pub(crate) client: u64,
    pub(crate) destination: Destination,
}

impl Published {
    pub(crate) fn new() -> Self {
        Self { ports: HashMap::new(), clients: Numbered::new(BOUNDS) }
    }

    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn publish(&mut self, number: u64, (socket, destination): (OwnedFd, Destination), watch: &Watch) {
        // One that cannot be watched stays silent: there is no memory for it.
        let _ = watch.readable(socket.as_fd(), Purpose::Port, number);
        self.ports.insert(number, Port { socket, destination });
    }

    pub(crate) fn unpublish(&mut self, number: u64) {
        self.ports.remove(&number);
        self.clients.remove_if(|client| client.port == number);
    }

    /// Datagrams have come to a port. The sockets that are wanted for clients.
    pub(crate) fn receive(
        &mut self,
        number: u64,
        (device, watch, buffer): (&mut Device, &mut Watch, &mut [u8]),
        sources: &Sources,
    ) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for _ in 0..MOST_AT_ONCE {
            let Some(port) = self.ports.get(&number) else { break };
            let destination = port.destination;
            let arrived = match message::receive(port.socket.as_fd(), buffer) {
                Ok(arrived) => arrived,
                Err(Moved::Failed(_)) => continue,
                Err(_) => break,
            };
            let address = SocketAddr::new(arrived.from.ip().to_canonical(), arrived.from.port());
            let ends = (destination.target, address);
            // Its container has just gone.
            let Some(Permission { owner, .. }) = sources.permission(destination.target.ip()) else { continue };
            if self.clients.get(&ends).is_none_or(|client| client.port != number) {
                let is_true = address.is_ipv6() == destination.target.is_ipv6()
                    && sources.is_usable_inside(address.ip())
                    && address.port() != 0;
                let path = if is_true { Path::Tun } else { Path::Waiting(Vec::new()) };
                let own = watch.number();
                if !is_true {
                    wanted.push(Wanted { client: own, destination });
                }
                let client = Client { port: number, address: arrived.from, local: arrived.to, path };
                let source = Source { owner, address: address.ip() };
                self.clients.insert(ends, (own, client), (source, Instant::now() + PATIENCE));
            }
            self.deliver(ends, (arrived, buffer), device);
        }
        wanted
    }

    fn deliver(&mut self, ends: Ends, (arrived, buffer): (Arrived, &[u8]), device: &mut Device) {
        let Some(client) = self.clients.get(&ends) else { return };
        let payload = buffer.get(..arrived.length).unwrap_or_default();
        client.local = arrived.to;
        match &mut client.path {
            Path::Tun => device.datagram(ends.1, ends.0, payload),
            Path::Waiting(waiting) if waiting.len() < MOST_WAITING => waiting.push(payload.to_vec()),
            Path::Waiting(_) => {}
            // A container that refuses is silent to the client: there is no way to tell it.
            Path::Socket(socket) => drop_result(inet::send(socket.as_fd(), payload)),
        }
        self.clients.refresh(&ends, Instant::now() + PATIENCE);
    }

    /// The socket in N that a client waits for.
    pub(crate) fn place(&mut self, number: u64, socket: OwnedFd, watch: &Watch) {
        let Some(client) = self.clients.key(number).and_then(|ends| self.clients.get(&ends)) else { return };
        if watch.readable(socket.as_fd(), Purpose::Client, number).is_err() {
            return;
        }
        if let Path::Waiting(waiting) = &client.path {
            waiting.iter().for_each(|payload| drop_result(inet::send(socket.as_fd(), payload)));
        }
        client.path = Path::Socket(socket);
    }

    /// The container has answered a client by the socket in N.
    pub(crate) fn note(&mut self, number: u64, buffer: &mut [u8]) {
        let Some(ends) = self.clients.key(number) else { return };
        for _ in 0..MOST_AT_ONCE {
            let Some(Client { path: Path::Socket(socket), .. }) = self.clients.get(&ends) else { return };
            match inet::receive(socket.as_fd(), buffer) {
                Moved::Bytes(count) => self.answer(ends, buffer.get(..count).unwrap_or_default()),
                Moved::Later => return,
                Moved::Failed(_) => {}
            }
        }
    }

    /// What a container sends may be an answer to a client. Whether it was.
    pub(crate) fn reply(&mut self, ends: Ends, payload: &[u8]) -> bool {
        let is_answer = matches!(self.clients.get(&ends), Some(Client { path: Path::Tun, .. }));
        if is_answer {
            self.answer(ends, payload);
        }
        is_answer
    }

    fn answer(&mut self, ends: Ends, payload: &[u8]) {
        let Some(client) = self.clients.get(&ends) else { return };
        if let Some(port) = self.ports.get(&client.port) {
            drop_result(message::send(port.socket.as_fd(), payload, client.address, client.local));
        }
        self.clients.refresh(&ends, Instant::now() + PATIENCE);
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        self.clients.expire(now);
    }

    /// A container is gone: its clients are strangers to whoever has its address next.
    pub(crate) fn forget(&mut self, target: IpAddr) {
        let ports = &self.ports;
        let leads_there =
            |client: &Client| ports.get(&client.port).is_none_or(|port| port.destination.target.ip() == target);
        self.clients.remove_if(leads_there);
    }
}

/// A datagram that is not taken is lost, as any may be.
fn drop_result(_: Moved) {}
