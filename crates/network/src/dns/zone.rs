//! Which names there are, for whom. A name belongs to a network and means the addresses of all containers there that have
//! it; a source address belongs to a container, which sees the networks it is on, in the order they are given.

use std::collections::HashMap;
use std::net::IpAddr;

/// Longer ids are shown, and asked for, by this much of them.
const SHORT_ID_LENGTH: usize = 12;

/// A container's place on one network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    pub network: String,
    /// IPv4, IPv6 or both.
    pub addresses: Vec<IpAddr>,
    /// Names on this network besides the container's own and its short id.
    pub aliases: Vec<String>,
    /// Lower-case names that this container alone has for others on the network → what the network calls them.
    pub links: HashMap<String, String>,
}

/// A container as its names need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    pub name: String,
    /// The most important network first: where two networks know a name, that one's is meant.
    pub attachments: Vec<Attachment>,
    /// What `host.docker.internal` and `host.containers.internal` mean; nothing: the container did not ask for them.
    pub host_addresses: Vec<IpAddr>,
    /// Asked instead of the host's name servers.
    pub name_servers: Vec<IpAddr>,
    /// `ndots` was set for this container: a name of one label is for its search list, not for name servers.
    pub is_ndots_set: bool,
}

#[derive(Default)]
struct Network {
    is_internal: bool,
    /// Lower-case name → addresses and the id of the container that each is of.
    names: HashMap<String, Vec<(IpAddr, String)>>,
}

/// All networks and containers of a user.
#[derive(Default)]
pub struct Zone {
    networks: HashMap<String, Network>,
    containers: HashMap<String, Container>,
    /// Address → id of the container that has it.
    sources: HashMap<IpAddr, String>,
}

impl Zone {
    /// Makes a network known; an internal one has no way out, for questions neither.
    pub fn set_network(&mut self, name: &str, is_internal: bool) {
        self.networks.entry(name.to_owned()).or_default().is_internal = is_internal;
    }

    /// Forgets a network, and every name on it.
    pub fn remove_network(&mut self, name: &str) {
        self.networks.remove(name);
    }

    /// Makes a container known, or replaces what was known of it: name, networks, everything.
    pub fn set_container(&mut self, container: Container) {
        self.remove_container(&container.id);
        for attachment in &container.attachments {
            // A network that nobody has declared: closed until somebody does.
            let network = self
                .networks
                .entry(attachment.network.clone())
                .or_insert_with(|| Network { is_internal: true, ..Network::default() });
            for name in names_of(&container, attachment) {
                let known = network.names.entry(name).or_default();
                known.extend(attachment.addresses.iter().map(|address| (*address, container.id.clone())));
            }
            for address in &attachment.addresses {
                self.sources.insert(*address, container.id.clone());
            }
        }
        self.containers.insert(container.id.clone(), container);
    }

    /// Forgets a container.
    pub fn remove_container(&mut self, id: &str) {
        let Some(container) = self.containers.remove(id) else { return };
        for attachment in &container.attachments {
            for address in &attachment.addresses {
                // Somebody else may have it by now.
                if self.sources.get(address).is_some_and(|owner| owner == id) {
                    self.sources.remove(address);
                }
            }
            let Some(network) = self.networks.get_mut(&attachment.network) else { continue };
            for name in names_of(&container, attachment) {
                let Some(known) = network.names.get_mut(&name) else { continue };
                known.retain(|(_, owner)| owner != id);
                if known.is_empty() {
                    network.names.remove(&name);
                }
            }
        }
    }

    /// The container that has this address.
    pub(crate) fn container_at(&self, source: IpAddr) -> Option<&Container> {
        self.containers.get(self.sources.get(&source)?)
    }

    /// Whether this container is on a network that has a way out.
    pub(crate) fn has_way_out(&self, container: &Container) -> bool {
        let mut networks = container.attachments.iter().filter_map(|place| self.networks.get(&place.network));
        networks.any(|network| !network.is_internal)
    }

    /// What a name means on each network of the asker's where it means something. `labels` are lower-case. As
    /// `a.b.c` may be a name here, or `a.b` on network `c`, or `a` on network `b.c`, all of these are tried.
    pub(crate) fn addresses(&self, asker: &Container, labels: &[String]) -> Vec<Vec<IpAddr>> {
        let splits = (1..=labels.len()).rev().map(|at| labels.split_at(at));
        let mut found = splits.map(|(name, network)| self.addresses_on(asker, &name.join("."), &network.join(".")));
        found.find(|addresses| !addresses.is_empty()).unwrap_or_default()
    }

    /// `network` empty: on all of the asker's.
    fn addresses_on(&self, asker: &Container, name: &str, network: &str) -> Vec<Vec<IpAddr>> {
        let places = asker.attachments.iter();
        let meant = places.filter(|place| network.is_empty() || place.network.eq_ignore_ascii_case(network));
        let known = meant.filter_map(|place| {
            let called = place.links.get(name).map_or(name, String::as_str);
            self.networks.get(&place.network)?.names.get(called)
        });
        known.map(|entries| entries.iter().map(|(address, _)| *address).collect()).collect()
    }

    /// The name of whoever has an address, as `NAME.NETWORK`. `None`: no container. Empty: one that the asker cannot see.
    pub(crate) fn name_of(&self, asker: &Container, address: IpAddr) -> Option<String> {
        let owner = self.container_at(address)?;
        let is_there = |place: &&Attachment| place.addresses.contains(&address);
        let place = owner.attachments.iter().find(is_there)?;
        let is_visible = asker.attachments.iter().any(|seen| seen.network == place.network);
        Some(if is_visible { format!("{}.{}", owner.name, place.network) } else { String::new() })
    }
}

/// Every name of a container on one network, lower-case, each once.
fn names_of(container: &Container, attachment: &Attachment) -> Vec<String> {
    let short_id: String = container.id.chars().take(SHORT_ID_LENGTH).collect();
    let all = [container.name.clone(), short_id].into_iter().chain(attachment.aliases.iter().cloned());
    let mut names: Vec<_> = all.map(|name| name.to_ascii_lowercase()).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
#[path = "zone_test.rs"]
mod tests;
