//! What is set in a container's network namespace, by a thread that is there: its end of a veth pair, and its routes.

use super::{LOOPBACK, Plug, TABLE_MAIN, sysctls};
use crate::netlink::{Netlink, Route, RouteKind};
use bunker_sys::SysResult;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// In the container's network namespace: its end gets its addresses, goes up, and gets its routes.
pub(super) fn configure(plug: &Plug<'_>) -> SysResult<()> {
    let mut route = Netlink::route()?;
    route.set_up(LOOPBACK)?;
    let link = route.link_index(plug.interface)?;
    for (family, name) in sysctls::OF_ENDS {
        for place in ["default", plug.interface] {
            sysctls::write(&[(&format!("{family}/conf/{place}/{name}"), "0")])?;
        }
    }
    let has_version6 = plug.addresses.iter().any(|(address, _)| address.is_ipv6());
    let disabled = if has_version6 { "0" } else { "1" };
    sysctls::write(&[(&format!("ipv6/conf/{}/disable_ipv6", plug.interface), disabled)])?;
    for (address, prefix) in &plug.addresses {
        route.add_address(link, *address, *prefix)?;
    }
    route.set_up(link)?;
    lead(plug.interface, &plug.default_gateways)?;
    plug.routes.iter().try_for_each(|(destination, gateway, metric)| {
        route.add_route(&Route { metric: *metric, ..way(link, *destination, *gateway) })
    })
}

/// In the container's network namespace: where everything goes from now on that has no other route.
///
/// # Errors
/// The kernel's.
pub fn lead(interface: &str, gateways: &[IpAddr]) -> SysResult<()> {
    let mut route = Netlink::route()?;
    let link = route.link_index(interface)?;
    gateways.iter().try_for_each(|gateway| {
        let everything =
            if gateway.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
        route.replace_route(&way(link, (everything, 0), *gateway))
    })
}

fn way(link: u32, destination: (IpAddr, u8), gateway: IpAddr) -> Route {
    Route { kind: RouteKind::Unicast, destination, gateway: Some(gateway), link, table: TABLE_MAIN, metric: None }
}
