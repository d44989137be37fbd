//! The resolver's sockets. Those that containers ask at belong to their network namespace and are given to us; those to
//! name servers are made by a `Dial`. It does not wait itself: the owner's loop asks what to watch (`interests`) and until
//! when (`deadline`), and says what is ready (`ready`) and that time has passed (`tick`).

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bunker_sys::datagram::{self, Arrival};

use super::forward::{Action, Asker, Forwarder};
use super::message::Transport;
use super::respond::Verdict;
use super::zone::Zone;

mod frame;
mod host_file;
mod outside;
mod stream_client;

pub use outside::{Dial, HostSide};

use host_file::HostFile;
use outside::Outside;
use stream_client::{StreamClient, victim};

/// A question is hardly longer than a name and an OPT record; what is longer is no question.
const LONGEST_DATAGRAM: usize = 4096;
/// Questions, or connections, that are taken from one socket before others get their turn.
const BATCH: usize = 64;
/// When there is no descriptor for a connection, it stays in the queue, and we look again later.
const DEAF: Duration = Duration::from_millis(500);

/// A descriptor to watch. `token` is its name here, and never another's; the number may be.
#[derive(Clone, Copy, Debug)]
pub struct Interest<'a> {
    pub token: u64,
    pub fd: BorrowedFd<'a>,
    pub is_readable_wanted: bool,
    pub is_writable_wanted: bool,
}

impl<'a> Interest<'a> {
    fn new(token: &u64, fd: BorrowedFd<'a>, is_readable_wanted: bool, is_writable_wanted: bool) -> Self {
        Self { token: *token, fd, is_readable_wanted, is_writable_wanted }
    }
}

/// Where containers ask: sockets of `bunker_sys::datagram::listen`, and listening ones. None of them blocks.
#[derive(Default)]
pub struct Inside {
    pub datagrams: Vec<OwnedFd>,
    pub listeners: Vec<OwnedFd>,
}

/// Where an answer goes.
#[derive(Clone)]
enum Client {
    Datagram { token: u64, arrival: Arrival },
    Stream { token: u64 },
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

    /// Closes sockets that were added.
    pub fn remove(&mut self, tokens: &[u64]) {
        for token in tokens {
            self.datagrams.remove(token);
            self.listeners.remove(token);
        }
    }

    /// Everything that is to be watched now.
    pub fn interests(&self) -> Vec<Interest<'_>> {
        let is_listening = self.deaf_until.is_none();
        let datagrams = self.datagrams.iter().map(|(token, socket)| Interest::new(token, socket.as_fd(), true, false));
        let listeners = self.listeners.iter().filter(|_| is_listening);
        let listeners = listeners.map(|(token, listener)| Interest::new(token, listener.as_fd(), true, false));
        let clients = self.clients.iter().map(|(token, client)| {
            Interest::new(token, client.stream.as_fd(), client.is_readable_wanted(), client.is_writable_wanted())
        });
        let outside = self
            .outside
            .iter()
            .map(|(token, (_, socket))| Interest::new(token, socket.fd(), true, socket.is_writable_wanted()));
        datagrams.chain(listeners).chain(clients).chain(outside).collect()
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
        self.clients.retain(|_, client| client.deadline() > now);
        self.deaf_until = self.deaf_until.filter(|until| *until > now);
    }

    fn token(&mut self) -> u64 {
        self.last_token += 1;
        self.last_token
    }

    fn receive_datagrams(&mut self, token: u64, now: Instant) {
        let mut buffer = [0; LONGEST_DATAGRAM];
        for _ in 0..BATCH {
            let Some(socket) = self.datagrams.get(&token) else { return };
            // An error is one of an earlier answer; the next datagram is behind it.
            let Ok(received) = datagram::receive(socket.as_fd(), &mut buffer) else { continue };
            let Some(arrival) = received else { return };
            let Some(packet) = buffer.get(..arrival.length) else { continue };
            self.take(packet, arrival.from.ip().to_canonical(), Client::Datagram { token, arrival }, now);
        }
    }

    fn accept(&mut self, token: u64, now: Instant) {
        for _ in 0..BATCH {
            let Some(listener) = self.listeners.get(&token) else { return };
            match listener.accept() {
                Ok((stream, from)) => self.welcome(stream, from, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The client has gone already.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => (),
                // No descriptors, no memory: whoever waits is still there then.
                Err(_) => {
                    self.deaf_until = Some(now + DEAF);
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, stream: TcpStream, from: SocketAddr, now: Instant) {
        let source = from.ip().to_canonical();
        let is_known = self.zone.container_at(source).is_some();
        if !is_known || stream.set_nonblocking(true).is_err() {
            return;
        }
        if let Some(victim) = victim(&self.clients, source) {
            self.clients.remove(&victim);
        }
        let token = self.token();
        self.clients.insert(token, StreamClient::new(stream, source, now));
    }

    fn receive_from_client(&mut self, token: u64, now: Instant) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        let source = client.source;
        match client.receive(now) {
            Ok(questions) => {
                for question in questions {
                    self.take(&question, source, Client::Stream { token }, now);
                }
            }
            Err(_) => drop(self.clients.remove(&token)),
        }
    }

    fn receive_from_outside(&mut self, token: u64, now: Instant) {
        let Some((flight, socket)) = self.outside.get_mut(&token) else { return };
        let flight = *flight;
        match socket.receive() {
            Ok(packets) => packets.into_iter().for_each(|packet| self.forwarder.receive(flight, packet, now)),
            Err(_) => self.forwarder.fail(flight, now),
        }
    }

    /// One packet of a client.
    fn take(&mut self, packet: &[u8], source: IpAddr, client: Client, now: Instant) {
        let transport = match client {
            Client::Datagram { .. } => Transport::Udp,
            Client::Stream { .. } => Transport::Tcp,
        };
        self.turn = self.turn.wrapping_add(1);
        match self.zone.respond(packet, source, (transport, self.turn)) {
            Verdict::Silence => self.deliver(&client, None, now),
            Verdict::Answer(packet) => self.deliver(&client, Some(&packet), now),
            Verdict::Forward { question, name_servers } => {
                let host = self.host.upstreams(now);
                let asker = Asker { source, transport, client };
                if name_servers.is_empty() {
                    self.forwarder.ask(question, asker, host, now);
                } else {
                    self.forwarder.ask(question, asker, &host.with_servers(&name_servers), now);
                }
            }
        }
    }

    fn deliver(&mut self, client: &Client, packet: Option<&[u8]>, now: Instant) {
        match client {
            Client::Datagram { token, arrival } => {
                if let Some((socket, packet)) = self.datagrams.get(token).zip(packet) {
                    // A client that is gone, a full queue: it asks again, or does not.
                    let _ = datagram::answer(socket.as_fd(), packet, arrival);
                }
            }
            Client::Stream { token } => {
                let Some(client) = self.clients.get_mut(token) else { return };
                if client.answer(packet, now).is_err() {
                    self.clients.remove(token);
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
