//! What keepers ask for, in the words of the network crate.

use bunker_network::namespace::{Network, Plug};
use bunker_network::netlink::Mac;
use bunker_network::relay::Subnet;
use bunker_runtime::spec::{Attachment, BridgeNetwork, Prefix};
use bunker_runtime::{Failure, FailureCode};
use std::net::IpAddr;
use std::os::fd::BorrowedFd;

/// Which addresses are of the network.
pub fn subnets_of(wanted: &Attachment) -> Vec<Subnet> {
    let gateways = wanted.network.gateways.iter();
    gateways.map(|prefix| Subnet { address: prefix.address, length: prefix.length }).collect()
}

/// The network itself.
///
/// # Errors
/// `BadRequest`
pub fn network_of(network: &BridgeNetwork) -> Result<Network, Failure> {
    Ok(Network {
        bridge: network.bridge.clone(),
        mac: parse_mac(&network.mac)?,
        mtu: network.mtu,
        gateways: pairs(&network.gateways),
        internal: network.internal,
        is_isolated: network.isolated,
    })
}

/// The container's place on it.
///
/// # Errors
/// `BadRequest`
pub fn plug_of<'a>(wanted: &'a Attachment, container: BorrowedFd<'a>, is_again: bool) -> Result<Plug<'a>, Failure> {
    let network = &wanted.network;
    Ok(Plug {
        bridge: &network.bridge,
        port: &wanted.port,
        container,
        interface: &wanted.interface,
        is_again,
        mac: parse_mac(&wanted.mac)?,
        mtu: network.mtu,
        addresses: pairs(&wanted.addresses),
        is_isolated: network.isolated,
        default_gateways: wanted.default_gateways.clone(),
        routes: network.routes.iter().map(|route| (pair(route.destination), route.gateway, route.metric)).collect(),
    })
}

fn pairs(prefixes: &[Prefix]) -> Vec<(IpAddr, u8)> {
    prefixes.iter().copied().map(pair).collect()
}

fn pair(Prefix { address, length }: Prefix) -> (IpAddr, u8) {
    (address, length)
}

/// Six pairs of hexadecimal digits with colons in between.
fn parse_mac(text: &str) -> Result<Mac, Failure> {
    let bytes: Option<Vec<u8>> = text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect();
    bytes
        .and_then(|bytes| Mac::try_from(bytes).ok())
        .ok_or_else(|| Failure::new(FailureCode::BadRequest, format!("{text:?} is no hardware address")))
}
