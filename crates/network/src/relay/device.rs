//! The tun, and what is written into it.

use bunker_sys::inet::message::Refusal;
use bunker_sys::tun;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::packet::build::{Builder, Reason};
use super::packet::{Body, Echo, Packet, Segment};

pub(crate) struct Device {
    tun: OwnedFd,
    builder: Builder,
}

impl Device {
    pub(crate) fn new(tun: OwnedFd, mtu: u16) -> Self {
        Self { tun, builder: Builder::new(mtu.into()) }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.tun.as_fd()
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> Option<usize> {
        tun::read(self.tun.as_fd(), buffer)
    }

    /// What the kernel does not take is lost, as on any link.
    pub(crate) fn write(&self, packet: &[u8]) {
        tun::write(self.tun.as_fd(), packet);
    }

    fn write_all(&self, packets: &[Vec<u8>]) {
        packets.iter().for_each(|packet| self.write(packet));
    }

    pub(crate) fn error(&mut self, reason: Reason, about: &Packet<'_>) {
        let packets = self.builder.error(reason, about, about.destination);
        self.write_all(&packets);
    }

    pub(crate) fn reset(&mut self, about: &Packet<'_>, segment: Segment) {
        let packets = self.builder.reset(about, segment);
        self.write_all(&packets);
    }

    pub(crate) fn datagram(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let packets = self.builder.datagram(from, to, payload);
        self.write_all(&packets);
    }

    /// An error about a datagram that is not there any more: its ends are what tells the kernel whose it was.
    pub(crate) fn refuse_datagram(&mut self, reason: Reason, (from, to): (SocketAddr, SocketAddr)) {
        for whole in self.builder.datagram(from, to, &[]) {
            let about = Packet { source: from.ip(), destination: to.ip(), body: Body::Other, whole: &whole };
            self.error(reason, &about);
        }
    }

    pub(crate) fn echo_reply(&mut self, from: IpAddr, to: IpAddr, echo: Echo<'_>) {
        let packets = self.builder.echo_reply(from, to, echo);
        self.write_all(&packets);
    }
}

/// What the outside world said about an attempt, as the container is to hear it; `None`: nothing of this kind.
pub(crate) fn reason_of(errno: i32) -> Option<Reason> {
    match io::Error::from_raw_os_error(errno).kind() {
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => Some(Reason::NoRoute),
        io::ErrorKind::HostUnreachable => Some(Reason::HostUnreachable),
        // A route or a filter of the host's that prohibits it.
        io::ErrorKind::PermissionDenied => Some(Reason::Prohibited),
        _ => None,
    }
}

/// As `reason_of`, where nobody answers but by an error: a closed port is unreachable.
pub(crate) fn reason_of_sending(errno: i32) -> Option<Reason> {
    let is_refused = io::Error::from_raw_os_error(errno).kind() == io::ErrorKind::ConnectionRefused;
    if is_refused { Some(Reason::PortUnreachable) } else { reason_of(errno) }
}

/// An ICMP error that came to an outside socket, as the container is to hear it about this destination.
pub(crate) fn reason_of_refusal(refusal: Refusal, destination: IpAddr) -> Option<Reason> {
    match (refusal.icmp, destination.is_ipv6()) {
        (Some((3, 4)), false) | (Some((2, _)), true) => Some(Reason::TooBig(refusal.information)),
        (Some((11, _)), false) | (Some((3, _)), true) => Some(Reason::HopsExceeded),
        _ => reason_of_sending(refusal.errno),
    }
}
