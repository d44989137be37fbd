//! Ports of the host's that lead to containers: sockets of the host's side, given to the relay.

use bunker_network::relay::{self, PortNumber, Relay};
use bunker_runtime::spec::{Attachment, Protocol, PublishedPort};
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::inet::{self, Kind, Switch};
use bunker_sys::{SysError, SysResult};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use super::protocol::Container;

/// Opens what a container publishes. After a failure none of it is open.
///
/// # Errors
/// `Network`: a port is somebody else's, or not to be had.
pub fn publish(relay: &Relay, container: &Container) -> Result<Vec<PortNumber>, Failure> {
    let mut open = Vec::new();
    for port in &container.ports {
        match publish_one(relay, container, port) {
            Ok(number) => open.extend(number),
            Err(error) => {
                withdraw(relay, &open);
                return Err(explain(port, &error));
            }
        }
    }
    Ok(open)
}

/// Closes them.
pub fn withdraw(relay: &Relay, ports: &[PortNumber]) {
    for port in ports {
        relay.unpublish(*port);
    }
}

/// `None`: there is nobody to lead to, or the host has no such address, which on every address is nobody's mistake.
fn publish_one(relay: &Relay, container: &Container, port: &PublishedPort) -> SysResult<Option<PortNumber>> {
    let Some((target, gateway)) = destination(&container.networks, port.host.is_ipv6()) else { return Ok(None) };
    let socket = match open(port) {
        Err(error) if port.host.is_unspecified() && port.host.is_ipv6() && is_without_version6(&error) => {
            return Ok(None);
        }
        other => other?,
    };
    let protocol = match port.protocol {
        Protocol::Tcp => relay::Protocol::Tcp,
        Protocol::Udp => relay::Protocol::Udp,
    };
    let target = SocketAddr::new(target, port.container_port);
    relay.publish(relay::Port { protocol, socket, target, gateway }).map(Some)
}

/// The container's address on the first network that has a way in: of the client's kind if it has one.
fn destination(networks: &[Attachment], wants_version6: bool) -> Option<(IpAddr, IpAddr)> {
    let reached = networks.iter().filter(|place| !place.network.internal);
    let all: Vec<(IpAddr, IpAddr)> = reached
        .flat_map(|place| {
            place.addresses.iter().filter_map(|own| {
                let gateway = place.network.gateways.iter().find(|prefix| is_same_kind(prefix.address, own.address))?;
                Some((own.address, gateway.address))
            })
        })
        .collect();
    all.iter().find(|(address, _)| address.is_ipv6() == wants_version6).or_else(|| all.first()).copied()
}

fn is_same_kind(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

/// Bound: what else a port needs is the relay's to do.
fn open(port: &PublishedPort) -> SysResult<OwnedFd> {
    let (kind, wanted): (_, &[Switch]) = match port.protocol {
        Protocol::Tcp => (Kind::Tcp, &[Switch::ReuseAddress, Switch::NoDelay]),
        Protocol::Udp => (Kind::Udp, &[]),
    };
    let socket = inet::socket(kind, port.host)?;
    for switch in wanted.iter().chain(port.host.is_ipv6().then_some(&Switch::OnlyV6)) {
        inet::enable(socket.as_fd(), *switch)?;
    }
    inet::bind(socket.as_fd(), SocketAddr::new(port.host, port.host_port))?;
    Ok(socket)
}

const EAFNOSUPPORT: i32 = 97;
const EADDRNOTAVAIL: i32 = 99;

fn is_without_version6(error: &SysError) -> bool {
    matches!(error.errno, EAFNOSUPPORT | EADDRNOTAVAIL)
}

fn explain(port: &PublishedPort, error: &SysError) -> Failure {
    let address = SocketAddr::new(port.host, port.host_port);
    Failure::system(FailureCode::Network, &format!("failed to bind host port {address}"), error)
}
