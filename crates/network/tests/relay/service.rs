//! Something else on the outward thread: it has its sockets watched, and its time.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::Case;
use super::world::{OPEN, World, ip};
use bunker_network::relay::{Readiness, Service, Watching};

pub const CASES: &[Case] = &[("a_service_is_served", a_service_is_served)];

/// Where the service is, on the bridge.
pub const PORT: u16 = 53;
/// What a service calls its socket: it comes back.
const NAME: u64 = 0xbeef_1234_5678;
const DELAY: Duration = Duration::from_millis(20);

/// Answers late, and with one byte more.
pub struct Late {
    socket: UdpSocket,
    asked: Option<(SocketAddr, Vec<u8>, Instant)>,
}

impl Late {
    /// On a socket of N.
    pub fn new(socket: OwnedFd) -> Self {
        let socket = UdpSocket::from(socket);
        socket.set_nonblocking(true).expect("not blocking");
        Self { socket, asked: None }
    }
}

impl Service for Late {
    fn start(&mut self, watching: &Watching<'_>) {
        watching.add(self.socket.as_fd(), NAME, (true, false)).expect("watched");
    }

    fn ready(&mut self, name: u64, readiness: Readiness, _watching: &Watching<'_>) {
        assert!(name == NAME && readiness.readable && !readiness.broken);
        let mut buffer = [0; 64];
        if let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            self.asked = Some((from, buffer[..length].to_vec(), Instant::now() + DELAY));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.asked.as_ref().map(|asked| asked.2)
    }

    fn elapsed(&mut self, now: Instant, _watching: &Watching<'_>) {
        let (to, mut answer, due) = self.asked.take().expect("asked");
        assert!(due <= now);
        answer.push(b'!');
        self.socket.send_to(&answer, to).expect("answered");
    }
}

fn a_service_is_served(world: &World) {
    let client = world.container.run(|| UdpSocket::bind((ip(OPEN[0]), 0)).expect("a socket"));
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    for question in ["one", "two"] {
        client.send_to(question.as_bytes(), ("10.89.0.1", PORT)).expect("sent");
        let mut buffer = [0; 64];
        let (length, _) = client.recv_from(&mut buffer).expect("answered");
        assert_eq!(&buffer[..length], format!("{question}!").as_bytes());
    }
}
