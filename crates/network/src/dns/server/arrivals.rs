//! What comes in: questions by datagram, connections and questions on them, and what name servers say.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use bunker_sys::inet::{Moved, message};

use super::stream_client::{StreamClient, victim};
use super::{Client, Server};
use crate::dns::forward::Asker;
use crate::dns::message::Transport;
use crate::dns::respond::Verdict;

/// A question is hardly longer than a name and an OPT record; what is longer is no question.
const LONGEST_DATAGRAM: usize = 4096;
/// Questions, or connections, that are taken from one socket before others get their turn.
const BATCH: usize = 64;
/// When there is no descriptor for a connection, it stays in the queue, and we look again later.
const DEAF: Duration = Duration::from_millis(500);

impl Server {
    pub(super) fn receive_datagrams(&mut self, token: u64, now: Instant) {
        let mut buffer = [0; LONGEST_DATAGRAM + 1];
        for _ in 0..BATCH {
            let Some(socket) = self.datagrams.get(&token) else { return };
            let arrived = match message::receive(socket.as_fd(), &mut buffer) {
                Ok(arrived) => arrived,
                Err(Moved::Later) => return,
                // Of an earlier answer; the next datagram is behind it.
                Err(_) => continue,
            };
            let packet = buffer.get(..arrived.length).filter(|packet| packet.len() <= LONGEST_DATAGRAM);
            let Some(packet) = packet else { continue };
            let client = Client::Datagram { token, from: arrived.from, to: arrived.to };
            self.take(packet, arrived.from.ip().to_canonical(), client, now);
        }
    }

    pub(super) fn accept(&mut self, token: u64, now: Instant) {
        for _ in 0..BATCH {
            let Some(listener) = self.listeners.get(&token) else { return };
            match listener.accept() {
                Ok((stream, from)) => self.welcome(stream, from, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The client has gone already.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => (),
                // No descriptors, no memory: whoever waits is still there then.
                Err(_) => {
                    self.set_deaf_until(Some(now + DEAF));
                    return;
                }
            }
        }
    }

    fn welcome(&mut self, stream: TcpStream, from: SocketAddr, now: Instant) {
        let source = from.ip().to_canonical();
        let Some(container) = self.zone.container_at(source).map(|container| container.id.clone()) else { return };
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        if let Some(victim) = victim(&self.clients, &container) {
            self.dismiss(victim);
        }
        let token = self.token();
        self.clients.insert(token, StreamClient::new(stream, (source, container), now));
    }

    pub(super) fn receive_from_client(&mut self, token: u64, now: Instant) {
        let Some(client) = self.clients.get_mut(&token) else { return };
        let source = client.source;
        match client.receive(now) {
            Ok(questions) => {
                for question in questions {
                    self.take(&question, source, Client::Stream { token }, now);
                }
            }
            Err(_) => self.dismiss(token),
        }
    }

    pub(super) fn receive_from_outside(&mut self, token: u64, now: Instant) {
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
        let verdict = self.zone.respond(packet, source, (transport, self.turn));
        match verdict {
            Verdict::Silence => self.deliver(&client, None, now),
            Verdict::Answer(packet) => self.deliver(&client, Some(&packet), now),
            Verdict::Forward { question, container, name_servers } => {
                let host = self.host.upstreams(now);
                let asker = Asker { container, transport, client };
                if name_servers.is_empty() {
                    self.forwarder.ask(question, asker, host, now);
                } else {
                    self.forwarder.ask(question, asker, &host.with_servers(&name_servers), now);
                }
            }
        }
    }
}
