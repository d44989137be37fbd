//! The tun, and what is written into it.

use bunker_sys::inet::message::{Manner, Refusal};
use bunker_sys::tun;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::packet::build::{Builder, Reason};
use super::packet::{Body, Echo, Packet, Segment};

const EMSGSIZE: i32 = 90;

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

    /// As from the destination.
    pub(crate) fn error(&mut self, reason: Reason, about: &Packet<'_>) {
        self.error_from(about.destination, reason, about);
    }

    fn error_from(&mut self, teller: IpAddr, reason: Reason, about: &Packet<'_>) {
        let packets = self.builder.error(reason, about, teller);
        self.write_all(&packets);
    }

    /// What an outside socket was told about a packet.
    pub(crate) fn pass_on(&mut self, refusal: Refusal, about: &Packet<'_>) {
        let Some(reason) = reason_of_refusal(refusal, about.destination) else { return };
        let is_usable = |teller: &IpAddr| teller.is_ipv4() == about.source.is_ipv4();
        // Of routers, because who asks how far a packet comes wants to know them; all else could be said by anybody.
        let teller = refusal.teller.filter(|teller| reason == Reason::HopsExceeded && is_usable(teller));
        self.error_from(teller.unwrap_or(about.destination), reason, about);
    }

    pub(crate) fn reset(&mut self, about: &Packet<'_>, segment: Segment) {
        let packets = self.builder.reset(about, segment);
        self.write_all(&packets);
    }

    pub(crate) fn datagram(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let packets = self.builder.datagram(from, to, payload);
        self.write_all(&packets);
    }

    /// Errors about a datagram that is not there any more: its ends are what tells the kernel whose it was.
    pub(crate) fn about_datagram(
        &mut self,
        (from, to): (SocketAddr, SocketAddr),
        mut tell: impl FnMut(&mut Self, &Packet<'_>),
    ) {
        for whole in self.builder.datagram(from, to, &[]) {
            let (source, destination) = (from.ip(), to.ip());
            tell(self, &Packet { source, destination, manner: Manner::default(), body: Body::Other, whole: &whole });
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
fn reason_of_refusal(refusal: Refusal, destination: IpAddr) -> Option<Reason> {
    match (refusal.icmp, destination.is_ipv6()) {
        (Some((3, 4)), false) | (Some((2, _)), true) => Some(Reason::TooBig(refusal.information)),
        (Some((11, _)), false) | (Some((3, _)), true) => Some(Reason::HopsExceeded),
        // Our own host's: it does not cut what nobody may cut.
        (None, _) if refusal.errno == EMSGSIZE => Some(Reason::TooBig(refusal.information)),
        _ => reason_of_sending(refusal.errno),
    }
}
