//! The network part of a spec: what the container is on, and all that the network keeper is told of it.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The network as resolved for this start.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Network {
    None,
    Host,
    /// Another container's, which is joined.
    Shared,
    /// A program of its own is its way out.
    Slirp4netns(Program),
    Pasta(Program),
    /// Networks of the user's own, all kept by the network keeper.
    Bridge {
        networks: Vec<Attachment>,
        ports: Vec<PublishedPort>,
        /// The host's own loopback can be reached, at an address of its own.
        host_loopback: bool,
        /// The container's own name.
        name: String,
        /// Who is asked for names that are not ours, instead of whom the host asks.
        name_servers: Vec<IpAddr>,
        /// `ndots` was set: a name of one label is for the search list.
        ndots: bool,
        /// For the network keeper, should it have to be started: the first that can be had serves all.
        ways_out: Vec<WayOut>,
    },
}

/// What leads out of the user's networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum WayOut {
    Relay,
    Slirp4netns(Program),
    Pasta(Program),
}

/// A slirp4netns or pasta: where it lies, and its flags beside those that say which namespace it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Program {
    pub program: String,
    pub options: Vec<String>,
}

/// A container's place on one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    pub network: BridgeNetwork,
    /// The container's end, `eth0`.
    pub interface: String,
    /// The bridge's end: at most 15 bytes, unique among the user's containers.
    pub port: String,
    pub mac: String,
    pub addresses: Vec<Prefix>,
    /// Where everything goes that has no other route.
    pub default_gateways: Vec<IpAddr>,
    /// Further names that others on the network call it by.
    pub names: Vec<String>,
    /// Names that only this container has for others on the network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
}

impl Attachment {
    /// Among those of a container, in the place of the one on the same network.
    pub fn put_into(self, networks: &mut Vec<Self>) {
        match networks.iter_mut().find(|place| place.network.bridge == self.network.bridge) {
            Some(place) => *place = self,
            None => networks.push(self),
        }
    }
}

/// `--link`: what another container on the same network is called by one alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Link {
    /// A name that the network knows.
    pub name: String,
    pub alias: String,
}

/// A network, complete: the network keeper makes it when the first container comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BridgeNetwork {
    pub name: String,
    /// `br-` and at most 12 more bytes.
    pub bridge: String,
    pub mac: String,
    pub mtu: u32,
    pub gateways: Vec<Prefix>,
    /// Nothing leaves it.
    pub internal: bool,
    /// Its containers do not reach each other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub isolated: bool,
    /// Names are answered at its gateways.
    pub resolver: bool,
    pub routes: Vec<Route>,
}

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prefix {
    pub address: IpAddr,
    pub length: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    pub destination: Prefix,
    pub gateway: IpAddr,
    pub metric: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedPort {
    pub protocol: Protocol,
    pub host: IpAddr,
    pub host_port: u16,
    pub container_port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    Tcp,
    Udp,
}
