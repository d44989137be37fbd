//! The resolver for containers, at port 53 of every bridge's own addresses: which containers it knows, and where it listens.

use bunker_network::dns::{Attachment, Container, Inside, Interest, Server};
use bunker_network::namespace::visit;
use bunker_network::relay::{HOST_V4, HOST_V6, Subnet};
use bunker_runtime::spec;
use bunker_sys::{SysError, SysResult, datagram};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::protocol;
use super::sides::{Sides, Subnets};

const PORT: u16 = 53;
pub const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Where a container that asked for it finds the host's own loopback.
const HOST_LOOPBACK: [IpAddr; 2] = [IpAddr::V4(HOST_V4), IpAddr::V6(HOST_V6)];

pub struct Names {
    server: Server,
    /// By bridge: what the resolver calls its sockets there.
    places: BTreeMap<String, Vec<u64>>,
    subnets: Subnets,
}

impl Names {
    /// `inside`: N.
    pub fn new(inside: OwnedFd) -> Self {
        let subnets = Subnets::default();
        let sides = Sides { inside, subnets: Arc::clone(&subnets) };
        Self { server: Server::new(RESOLV_CONF.into(), Box::new(sides)), places: BTreeMap::new(), subnets }
    }

    /// What is a network of ours is asked from within.
    pub fn set_subnets(&self, subnets: Vec<Subnet>) {
        *self.subnets.write().unwrap_or_else(PoisonError::into_inner) = subnets;
    }

    /// Answers on a bridge whose addresses are there, unless it does already.
    ///
    /// # Errors
    /// Of binding the sockets.
    pub fn serve(&mut self, network: &spec::BridgeNetwork, inside: BorrowedFd<'_>) -> SysResult<()> {
        self.server.zone().set_network(&network.name, network.internal);
        if !network.resolver || self.places.contains_key(&network.bridge) {
            return Ok(());
        }
        let sockets = visit(inside, || listen(network))?;
        let tokens = self.server.add(sockets);
        self.places.insert(network.bridge.clone(), tokens);
        Ok(())
    }

    /// The bridge is gone.
    pub fn withdraw(&mut self, bridge: &str) {
        if let Some(tokens) = self.places.remove(bridge) {
            self.server.remove(&tokens);
        }
    }

    /// No network is called so any more.
    pub fn forget_network(&mut self, name: &str) {
        self.server.zone().remove_network(name);
    }

    /// What a container is called now, and by which addresses it asks.
    pub fn know(&mut self, container: &protocol::Container) {
        let attachments = container.networks.iter().map(|place| Attachment {
            network: place.network.name.clone(),
            addresses: place.addresses.iter().map(|prefix| prefix.address).collect(),
            aliases: place.names.clone(),
            links: place.links.iter().map(|link| (lower(&link.alias), lower(&link.name))).collect(),
        });
        let known = Container {
            id: container.id.clone(),
            name: container.name.clone(),
            attachments: attachments.collect(),
            host_addresses: if container.host_loopback { HOST_LOOPBACK.into() } else { Vec::new() },
            name_servers: container.name_servers.clone(),
            is_ndots_set: container.ndots,
        };
        self.server.zone().set_container(known);
    }

    pub fn forget(&mut self, id: &str) {
        self.server.zone().remove_container(id);
    }

    pub fn interests(&self) -> Vec<Interest<'_>> {
        self.server.interests()
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.server.deadline()
    }

    pub fn ready(&mut self, token: u64) {
        self.server.ready(token, Instant::now());
    }

    /// Whatever has had its time.
    pub fn tick(&mut self) {
        self.server.tick(Instant::now());
    }
}

/// As the zone has its names.
fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// In N.
fn listen(network: &spec::BridgeNetwork) -> SysResult<Inside> {
    let mut inside = Inside::default();
    for gateway in &network.gateways {
        let address = SocketAddr::new(gateway.address, PORT);
        inside.datagrams.push(datagram::listen(address)?);
        let failed = |error: std::io::Error| SysError::from_io(format!("listen({address})"), &error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        inside.listeners.push(OwnedFd::from(listener));
    }
    Ok(inside)
}
