//! N with everything in it: which containers are plugged into which networks. Decides nothing: each container says what it needs.

use bunker_network::namespace::{self, Sockets, visit};
use bunker_network::nft::Port;
use bunker_network::relay::{self, Owner, Parts, Permission, PortNumber, Relay, Subnet};
use bunker_runtime::spec::Attachment;
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::{SysResult, file};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use super::ground::Ground;
use super::leavings::Leavings;
use super::names::Names;
use super::{failed, plan, ports, protocol};
use crate::way_out::Shared;

/// Of bridges that were asked for no other.
const USUAL_MTU: u16 = 1500;

pub struct World {
    /// N.
    inside: OwnedFd,
    sockets: Sockets,
    relay: Relay,
    /// The program that is the way out, unless the relay is.
    way_out: Option<Shared>,
    pub names: Names,
    containers: BTreeMap<String, Member>,
    last_owner: u64,
    /// Those there are, by name.
    bridges: BTreeMap<String, Bridge>,
    leavings: Leavings,
}

/// A network as it is in N.
struct Bridge {
    network: String,
    subnets: Vec<Subnet>,
}

impl Bridge {
    fn overlaps(&self, subnets: &[Subnet]) -> bool {
        self.subnets.iter().any(|own| subnets.iter().any(|other| own.overlaps(*other)))
    }
}

/// A container that is on networks of ours.
struct Member {
    /// With the networks that it is on now.
    container: protocol::Container,
    namespace: OwnedFd,
    /// Tells when it has ended, should nobody else.
    pidfd: OwnedFd,
    plugs: Vec<Plugged>,
    ports: Vec<PortNumber>,
    /// As whom the relay and the resolver know it: what they share, they share by this.
    owner: Owner,
}

struct Plugged {
    bridge: String,
    subnets: Vec<Subnet>,
    port: Port,
}

impl World {
    /// In N, which is ready for it.
    ///
    /// # Errors
    /// `Network`: the relay cannot be started.
    pub fn new(ground: Ground) -> Result<Self, Failure> {
        let Ground { inside, sockets, tun, listeners, way_out } = ground;
        let starting = |error| failed("setting up the user's network", &error);
        let there = file::duplicate(inside.as_fd())?;
        let parts = Parts { inside: there, tun, listeners, mtu: USUAL_MTU };
        let relay = relay::start(parts).map_err(starting)?;
        if way_out.is_some() {
            relay.hide_clients();
        }
        let names = Names::new(file::duplicate(inside.as_fd())?);
        Ok(Self {
            inside,
            sockets,
            relay,
            way_out,
            names,
            containers: BTreeMap::new(),
            last_owner: 0,
            bridges: BTreeMap::new(),
            leavings: Leavings::default(),
        })
    }

    pub fn namespace(&self) -> BorrowedFd<'_> {
        self.inside.as_fd()
    }

    /// Whether everything that carries packets is at work.
    pub fn is_whole(&self) -> bool {
        self.relay.is_alive()
    }

    pub fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    /// What tells that the way out has ended.
    pub fn end_of_way_out(&self) -> Option<BorrowedFd<'_>> {
        self.way_out.as_ref().map(|program| program.end.as_fd())
    }

    /// What tells that containers have ended.
    pub fn ends(&self) -> impl Iterator<Item = (&String, BorrowedFd<'_>)> {
        self.containers.iter().map(|(id, member)| (id, member.pidfd.as_fd()))
    }

    /// Plugs a container into its networks. After a failure it is on none.
    ///
    /// # Errors
    /// `Network`, `BadRequest`.
    pub fn join(
        &mut self,
        container: &protocol::Container,
        is_again: bool,
        (namespace, pidfd): (OwnedFd, OwnedFd),
    ) -> Result<(), Failure> {
        if container.host_loopback && self.way_out.is_some() {
            return Err(Failure::new(FailureCode::Network, "there is no host-gateway where the way out is a program"));
        }
        // One whose keeper was replaced comes again: what is plugged in is found there.
        let before = self.containers.remove(&container.id);
        self.last_owner += 1;
        let (plugs, ports, owner) = before.map_or_else(
            || (Vec::new(), Vec::new(), Owner(self.last_owner)),
            |member| (member.plugs, member.ports, member.owner),
        );
        let known = protocol::Container { networks: Vec::new(), ..container.clone() };
        self.containers
            .insert(container.id.clone(), Member { container: known, namespace, pidfd, plugs, ports, owner });
        let joined = container.networks.iter().try_for_each(|network| self.bring(&container.id, network, is_again));
        let joined = joined.and_then(|()| self.publish(&container.id));
        if joined.is_err() {
            self.leave(&container.id);
        }
        joined
    }

    fn publish(&mut self, id: &str) -> Result<(), Failure> {
        let Some(member) = self.containers.get_mut(id).filter(|member| member.ports.is_empty()) else { return Ok(()) };
        member.ports = ports::publish(&self.relay, &member.container)?;
        Ok(())
    }

    /// Plugs a container into one more network; of one it is on, what can change does: the way out, and names.
    ///
    /// # Errors
    /// `Network`, `BadRequest`, `NotRunning`.
    pub fn connect(&mut self, id: &str, wanted: &Attachment) -> Result<(), Failure> {
        self.bring(id, wanted, false)
    }

    fn bring(&mut self, id: &str, wanted: &Attachment, is_again: bool) -> Result<(), Failure> {
        let Some(member) = self.containers.get_mut(id) else { return Err(unknown()) };
        let bridge = &wanted.network.bridge;
        wanted.clone().put_into(&mut member.container.networks);
        if member.plugs.iter().any(|plug| &plug.bridge == bridge) {
            self.names.know(&member.container);
            // Whoever comes again may have changed its routes itself.
            return if is_again { Ok(()) } else { lead(member.namespace.as_fd(), wanted) };
        }
        let plugged = self.plug(id, wanted, is_again);
        if plugged.is_err() {
            if let Some(member) = self.containers.get_mut(id) {
                member.container.networks.retain(|place| &place.network.bridge != bridge);
            }
            self.leavings.gather(None, Vec::new());
        }
        plugged
    }

    fn plug(&mut self, id: &str, wanted: &Attachment, is_again: bool) -> Result<(), Failure> {
        let what = format!("connecting to network {:?}", wanted.network.name);
        let bridge = &wanted.network.bridge;
        if !self.is_used(bridge) {
            let network = plan::network_of(&wanted.network)?;
            let subnets = plan::subnets_of(wanted);
            // One that was removed and made anew may have the addresses of the one before.
            self.remove_unused(|name, other| name != bridge && other.overlaps(&subnets));
            self.sockets.add_network(&network).map_err(|error| failed(&what, &error))?;
            self.bridges.insert(bridge.clone(), Bridge { network: wanted.network.name.clone(), subnets });
            self.names.serve(&wanted.network, self.inside.as_fd()).map_err(|error| failed(&what, &error))?;
        }
        let Some(member) = self.containers.get_mut(id) else { return Err(unknown()) };
        let plug = plan::plug_of(wanted, member.namespace.as_fd(), is_again)?;
        let port = self.sockets.plug(&plug).map_err(|error| failed(&what, &error))?;
        let permission = Permission {
            owner: member.owner,
            internal: wanted.network.internal,
            host_loopback: member.container.host_loopback,
        };
        for address in &port.addresses {
            self.relay.allow(*address, permission);
        }
        member.plugs.push(Plugged { bridge: bridge.clone(), subnets: plan::subnets_of(wanted), port });
        self.names.know(&member.container);
        self.set_subnets();
        Ok(())
    }

    /// What is a network of ours is not reached through the relay.
    fn set_subnets(&self) {
        let plugs = self.containers.values().flat_map(|member| &member.plugs);
        let subnets: Vec<_> = plugs.flat_map(|plug| plug.subnets.clone()).collect();
        self.names.set_subnets(subnets.clone());
        self.relay.set_subnets(subnets);
    }

    /// After the container was taken off it.
    fn unplug(&mut self, plug: &Plugged) -> SysResult<()> {
        for address in &plug.port.addresses {
            self.relay.forget(*address);
        }
        self.set_subnets();
        self.leavings.gather(None, Vec::new());
        self.sockets.unplug(&plug.port)
    }

    /// Takes a container off one network.
    ///
    /// # Errors
    /// `NotRunning`, `Network`.
    pub fn disconnect(&mut self, id: &str, bridge: &str) -> Result<(), Failure> {
        let Some(member) = self.containers.get_mut(id) else { return Err(unknown()) };
        if let Some(at) = member.plugs.iter().position(|plug| plug.bridge == bridge) {
            let plug = member.plugs.swap_remove(at);
            member.container.networks.retain(|attachment| attachment.network.bridge != bridge);
            self.names.know(&member.container);
            self.unplug(&plug).map_err(|error| failed("disconnecting", &error))?;
        }
        Ok(())
    }

    /// A container that has ended, or is about to, is on no network any more: its names, ports and addresses are free. What is left of
    /// it in N goes by `clear_away`.
    pub fn leave(&mut self, id: &str) {
        let Some(member) = self.containers.remove(id) else { return };
        self.names.forget(id);
        ports::withdraw(&self.relay, &member.ports);
        for address in member.plugs.iter().flat_map(|plug| &plug.port.addresses) {
            self.relay.forget(*address);
        }
        self.set_subnets();
        self.leavings.gather(Some(member.namespace), member.plugs.into_iter().map(|plug| plug.port).collect());
    }

    /// Takes out what containers have left. Nobody waits for it, nor can be told of a failure.
    pub fn clear_away(&mut self) {
        for port in self.leavings.take_ports() {
            let _ = self.sockets.dismiss(&port);
        }
        let Some(links) = self.leavings.take_due(Instant::now()) else { return };
        for link in links {
            let _ = self.sockets.remove_link(link);
        }
        // If it was the last, N goes as a whole; or the next is on the same networks.
        if !self.is_empty() {
            self.remove_unused(|_, _| true);
        }
    }

    /// When there is something to clear away next.
    pub fn deadline(&self) -> Option<Instant> {
        self.leavings.deadline()
    }

    fn is_used(&self, bridge: &str) -> bool {
        self.containers.values().flat_map(|member| &member.plugs).any(|plug| plug.bridge == bridge)
    }

    fn remove_unused(&mut self, condition: impl Fn(&String, &Bridge) -> bool) {
        let is_doomed = |(name, bridge): &(&String, &Bridge)| !self.is_used(name) && condition(name, bridge);
        let doomed: Vec<String> = self.bridges.iter().filter(is_doomed).map(|(name, _)| name.clone()).collect();
        for name in doomed {
            let Some(Bridge { network, .. }) = self.bridges.remove(&name) else { continue };
            self.names.withdraw(&name);
            if !self.bridges.values().any(|other| other.network == network) {
                self.names.forget_network(&network);
            }
            // A bridge without containers does no harm.
            let _ = self.sockets.remove_network(&name);
        }
    }
}

/// From now on the container's way out is by this network, if by any.
fn lead(container: BorrowedFd<'_>, wanted: &Attachment) -> Result<(), Failure> {
    if wanted.default_gateways.is_empty() {
        return Ok(());
    }
    visit(container, || namespace::lead(&wanted.interface, &wanted.default_gateways))
        .map_err(|error| failed(&format!("going out by network {:?}", wanted.network.name), &error))
}

fn unknown() -> Failure {
    Failure::new(FailureCode::NotRunning, "the container is not on any network of ours")
}
