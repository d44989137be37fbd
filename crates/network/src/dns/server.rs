//! The resolver's sockets. Those that containers ask at belong to their network namespace and are given to us; those to
//! name servers are made by a `Dial`. It does not wait itself: the owner's loop asks what to watch (`interests`) and until
//! when (`deadline`), and says what is ready (`ready`) and that time has passed (`tick`).

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Instant;

use bunker_sys::inet;

use super::forward::{Action, Forwarder};
use super::message::Transport;
use super::zone::Zone;

mod arrivals;
mod frame;
mod host_file;
mod interest;
mod outside;
mod stream_client;

pub use interest::Interest;
pub use outside::{Dial, HostSide};

use host_file::HostFile;
use outside::Outside;
use stream_client::StreamClient;

/// Where containers ask: sockets of `bunker_sys::datagram::listen`, and listening ones. None of them blocks.
#[derive(Default)]
pub struct Inside {
    pub datagrams: Vec<OwnedFd>,
    pub listeners: Vec<OwnedFd>,
}

/// Where an answer goes.
#[derive(Clone)]
enum Client {
    /// `to`: the address of ours that was asked.
    Datagram {
        token: u64,
        from: SocketAddr,
        to: Option<IpAddr>,
    },
    Stream {
        token: u64,
    },
}

/// A resolver for containers.
pub struct Server {
    zone: Zone,
    forwarder: Forwarder<Client>,
    dial: Box<dyn Dial + Send>,
    host: HostFile,
    datagrams: BTreeMap<u64, OwnedFd>,
    listeners: BTreeMap<u64, TcpListener>,
    clients: BTreeMap<u64, StreamClient>,
    outside: BTreeMap<u64, (u64, Outside)>,
    /// Flight → token of its socket.
    flights: HashMap<u64, u64>,
    deaf_until: Option<Instant>,
    last_token: u64,
    turn: usize,
}

impl Server {
    /// `resolv_conf` is the host's; who has no name servers of its own gets the answers of those in it.
    pub fn new(resolv_conf: PathBuf, dial: Box<dyn Dial + Send>) -> Self {
        // Without randomness, no numbers but 0: ports are random still.
        let forwarder = Forwarder::new(|| bunker_sys::random::random_u16().unwrap_or(0));
        Self {
            zone: Zone::default(),
            forwarder,
            dial,
            host: HostFile::new(resolv_conf),
            datagrams: BTreeMap::new(),
            listeners: BTreeMap::new(),
            clients: BTreeMap::new(),
            outside: BTreeMap::new(),
            flights: HashMap::new(),
            deaf_until: None,
            last_token: 0,
            turn: 0,
        }
    }

    /// The names that it knows, to be changed while it runs.
    pub fn zone(&mut self) -> &mut Zone {
        &mut self.zone
    }

    /// Answers at these, too. The tokens to take them away by.
    pub fn add(&mut self, inside: Inside) -> Vec<u64> {
        let mut tokens = Vec::new();
        for socket in inside.datagrams {
            tokens.push(self.token());
            self.datagrams.insert(self.last_token, socket);
        }
        for listener in inside.listeners {
            tokens.push(self.token());
            self.listeners.insert(self.last_token, listener.into());
        }
        tokens
    }

    /// Gives sockets back that were added.
    pub fn remove(&mut self, tokens: &[u64]) -> Vec<OwnedFd> {
        let datagrams = tokens.iter().filter_map(|token| self.datagrams.remove(token)).collect::<Vec<_>>();
        let listeners = tokens.iter().filter_map(|token| self.listeners.remove(token)).map(OwnedFd::from);
        datagrams.into_iter().chain(listeners).collect()
    }

    /// Everything that is to be watched now.
    pub fn interests(&self) -> Vec<Interest<'_>> {
        let inside = self.datagrams.keys().chain(self.listeners.keys()).chain(self.clients.keys());
        inside.chain(self.outside.keys()).filter_map(|token| self.interest(*token)).collect()
    }

    fn interest(&self, token: u64) -> Option<Interest<'_>> {
        if let Some(socket) = self.datagrams.get(&token) {
            return Some(Interest::new(token, socket.as_fd(), (true, false)));
        }
        if let Some(listener) = self.listeners.get(&token) {
            return Some(Interest::new(token, listener.as_fd(), (self.deaf_until.is_none(), false)));
        }
        if let Some(client) = self.clients.get(&token) {
            let wanted = (client.is_readable_wanted(), client.is_writable_wanted());
            return Some(Interest::new(token, client.stream.as_fd(), wanted));
        }
        let (_, socket) = self.outside.get(&token)?;
        Some(Interest::new(token, socket.fd(), (true, socket.is_writable_wanted())))
    }

    /// When `tick` is to be called, if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        let clients = self.clients.values().map(StreamClient::deadline);
        clients.chain(self.forwarder.deadline()).chain(self.deaf_until).min()
    }

    /// Something that was watched can be read or written, or has hung up.
    pub fn ready(&mut self, token: u64, now: Instant) {
        if self.datagrams.contains_key(&token) {
            self.receive_datagrams(token, now);
        } else if self.listeners.contains_key(&token) {
            self.accept(token, now);
        } else if self.clients.contains_key(&token) {
            self.receive_from_client(token, now);
        } else if self.outside.contains_key(&token) {
            self.receive_from_outside(token, now);
        }
        self.act(now);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        self.forwarder.expire(now);
        self.act(now);
        let late = self.clients.iter().filter(|(_, client)| client.deadline() <= now).map(|(token, _)| *token);
        late.collect::<Vec<_>>().into_iter().for_each(|token| self.dismiss(token));
        if self.deaf_until.is_some_and(|until| until <= now) {
            self.set_deaf_until(None);
        }
    }

    fn set_deaf_until(&mut self, until: Option<Instant>) {
        self.deaf_until = until;
    }

    fn dismiss(&mut self, client: u64) {
        self.clients.remove(&client);
    }

    fn token(&mut self) -> u64 {
        self.last_token += 1;
        self.last_token
    }

    fn deliver(&mut self, client: &Client, packet: Option<&[u8]>, now: Instant) {
        match client {
            Client::Datagram { token, from, to } => {
                if let Some((socket, packet)) = self.datagrams.get(token).zip(packet) {
                    // A client that is gone, a full queue: it asks again, or does not.
                    inet::message::send(socket.as_fd(), packet, *from, *to);
                }
            }
            Client::Stream { token } => {
                let Some(client) = self.clients.get_mut(token) else { return };
                if client.answer(packet, now).is_err() {
                    self.dismiss(*token);
                }
            }
        }
    }

    /// Does what the forwarder says. Ends: each question has so many tries.
    fn act(&mut self, now: Instant) {
        while let Some(action) = self.forwarder.next_action() {
            match action {
                Action::Ask { flight, server, transport, packet } => {
                    let socket = match transport {
                        Transport::Udp => Outside::ask(&mut *self.dial, server, &packet),
                        Transport::Tcp => Outside::connect(&mut *self.dial, server, &packet),
                    };
                    let Ok(socket) = socket else {
                        self.forwarder.fail(flight, now);
                        continue;
                    };
                    let token = self.token();
                    self.flights.insert(flight, token);
                    self.outside.insert(token, (flight, socket));
                }
                Action::Close { flight } => {
                    if let Some(token) = self.flights.remove(&flight) {
                        self.outside.remove(&token);
                    }
                }
                Action::Answer { asker, packet } => self.deliver(&asker.client, Some(&packet), now),
            }
        }
    }
}

#[cfg(test)]
#[path = "server_test.rs"]
mod tests;
