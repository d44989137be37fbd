//! N and what is plugged into it. `settle` makes a fresh network namespace N, `add_network` puts a bridge into it, `plug`
//! connects a container to a bridge. All is done from outside by netlink sockets that were opened inside (`visit`), so that
//! nobody has to stay there. What is done twice, after somebody died half-way, is well: what is there is taken or replaced.

mod container;

pub use container::lead;

use crate::netlink::{Bridge, Mac, Netlink, Route, RouteKind, Rule, Veth, is_there};
use crate::nft::{self, MARK_LOCAL, MARK_TUN, Port, TUN_NAME, Way};
use bunker_sys::namespace::{self, NETWORK};
use bunker_sys::{SysError, SysResult};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::thread;

mod sysctls;

/// Routes of packets with `MARK_LOCAL` and `MARK_TUN`.
const TABLE_LOCAL: u32 = 100;
const TABLE_TUN: u32 = 101;
const TABLE_MAIN: u32 = 254;
/// lo is the first link of every network namespace.
const LOOPBACK: u32 = 1;
/// The relay's packets are whole: the kernel cuts them where they leave by a bridge.
const TUN_MTU: u32 = 65_535;
/// SYNs that come at once wait there: 500, the default, lost half of 2,000.
const TUN_QUEUE: u32 = 8_192;

/// Whether links that come to be listen to routers.
const ROUTERS_OF_NEW: &str = "ipv6/conf/default/accept_ra";

/// The two sockets that were born in N.
pub struct Sockets {
    pub route: Netlink,
    pub filter: Netlink,
    /// The interface that is the way out, unless the relay is.
    way_out: Option<u32>,
}

/// A bridge network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Begins with `nft::BRIDGE_PREFIX`; at most 15 bytes.
    pub bridge: String,
    pub mac: Mac,
    pub mtu: u32,
    /// The bridge's own addresses, with the length of the network's prefix.
    pub gateways: Vec<(IpAddr, u8)>,
    /// Nothing leaves it.
    pub internal: bool,
    /// Its containers do not reach each other.
    pub is_isolated: bool,
}

/// A container's place on a network.
#[derive(Clone, Debug)]
pub struct Plug<'a> {
    pub bridge: &'a str,
    /// The bridge's end; at most 15 bytes, unique in N.
    pub port: &'a str,
    pub container: BorrowedFd<'a>,
    /// The container's end, `eth0`.
    pub interface: &'a str,
    /// The container was on the network before: an end of this name that it has is of no use any more.
    pub is_again: bool,
    pub mac: Mac,
    pub mtu: u32,
    pub addresses: Vec<(IpAddr, u8)>,
    /// It reaches what the bridge itself does, not the bridge's other ports.
    pub is_isolated: bool,
    /// Where everything goes that has no other route; none on an internal network.
    pub default_gateways: Vec<IpAddr>,
    /// Further routes: destination, gateway, metric.
    pub routes: Vec<((IpAddr, u8), IpAddr, Option<u32>)>,
}

/// Does something in another network namespace, on a thread of its own: the others stay where they are.
///
/// # Errors
/// Of setns(2), and those of `act`.
pub fn visit<T: Send>(network_namespace: BorrowedFd<'_>, act: impl FnOnce() -> SysResult<T> + Send) -> SysResult<T> {
    let enter = || {
        namespace::join(network_namespace, NETWORK)?;
        act()
    };
    thread::scope(|scope| scope.spawn(enter).join()).unwrap_or_else(|_| Err(SysError::new("thread", EFAULT)))
}

const EFAULT: i32 = 14;

impl Sockets {
    /// Of the network namespace this thread is in.
    ///
    /// # Errors
    /// Of socket(2).
    pub fn open() -> SysResult<Self> {
        Ok(Self { route: Netlink::route()?, filter: Netlink::filter()?, way_out: None })
    }

    /// Makes N ready for bridges and for the relay, whose tun is there. Must be called in N, for its sysctls.
    ///
    /// # Errors
    /// `ENOENT` from nftables where the kernel lacks what the rules need: then another way out has to serve.
    pub fn settle(&mut self, way: Way<'_>) -> SysResult<()> {
        sysctls::write(&sysctls::OF_N)?;
        self.route.set_up(LOOPBACK)?;
        nft::ruleset(way).apply("set up nftables", &mut self.filter)?;
        match way {
            Way::Relay(_) => {
                // Where the kernel lacks what it takes the relay shares by its own tables alone.
                let _ = nft::shares().apply("add shares to nftables", &mut self.filter);
                self.lead_to_relay()
            }
            Way::Interface(name) => {
                // One of a helper's that is gone, or should be.
                self.remove(name)?;
                // To the one that comes its helper may say where it leads.
                sysctls::write(&[(ROUTERS_OF_NEW, "2")])
            }
        }
    }

    /// The interface that is the way out has come. Must be called in N.
    ///
    /// # Errors
    /// The kernel's.
    pub fn lead_to(&mut self, interface: &str) -> SysResult<()> {
        sysctls::write(&[(ROUTERS_OF_NEW, "0")])?;
        self.way_out = Some(self.route.link_index(interface)?);
        Ok(())
    }

    /// What goes with the tun, and has to be made again with it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn lead_to_relay(&mut self) -> SysResult<()> {
        let tun = self.route.link_index(TUN_NAME)?;
        self.route.set_size(tun, TUN_MTU, TUN_QUEUE)?;
        self.route.set_up(tun)?;
        for is_version6 in [false, true] {
            let everything =
                if is_version6 { Ipv6Addr::UNSPECIFIED.into() } else { IpAddr::from(Ipv4Addr::UNSPECIFIED) };
            let ways =
                [(RouteKind::Local, LOOPBACK, TABLE_LOCAL, MARK_LOCAL), (RouteKind::Unicast, tun, TABLE_TUN, MARK_TUN)];
            for (kind, link, table, mark) in ways {
                let route = Route { kind, destination: (everything, 0), gateway: None, link, table, metric: None };
                unless_there(self.route.add_route(&route))?;
                self.route.ensure_rule(Rule { is_version6, mark, table })?;
            }
        }
        Ok(())
    }

    /// Puts a network's bridge into N, unless it is there.
    ///
    /// # Errors
    /// The kernel's.
    pub fn add_network(&mut self, network: &Network) -> SysResult<()> {
        let bridge = Bridge { name: &network.bridge, mac: network.mac, mtu: network.mtu };
        unless_there(self.route.add_bridge(&bridge))?;
        let link = self.route.link_index(&network.bridge)?;
        for (address, prefix) in &network.gateways {
            unless_there(self.route.add_address(link, *address, *prefix))?;
        }
        // What may not stay within it is not led back into it either.
        let within = (!network.is_isolated).then_some(link);
        for to in [within, self.way_out.filter(|_| !network.internal)].into_iter().flatten() {
            nft::join(link, to).apply("add a bridge to nftables", &mut self.filter)?;
        }
        self.route.set_up(link)
    }

    /// # Errors
    /// The kernel's; that it is gone is none.
    pub fn remove_network(&mut self, bridge: &str) -> SysResult<()> {
        let Ok(link) = self.route.link_index(bridge) else { return Ok(()) };
        for to in [Some(link), self.way_out].into_iter().flatten() {
            unless_gone(nft::part(link, to).apply("remove a bridge from nftables", &mut self.filter))?;
        }
        unless_gone(self.route.remove_link(link))
    }

    /// Connects a container, and says as what nftables knows it. One that is connected stays as it is, flows and all.
    ///
    /// # Errors
    /// The kernel's; nothing is left plugged in then.
    pub fn plug(&mut self, plug: &Plug<'_>) -> SysResult<Port> {
        if self.is_plugged(plug) {
            return self.admit(plug);
        }
        // Leftovers: an end here of which the container does not have the other, or one there that leads to an N that was lost.
        self.remove(plug.port)?;
        if plug.is_again {
            visit(plug.container, || remove_link(&mut Netlink::route()?, plug.interface))?;
        }
        let bridge = self.route.link_index(plug.bridge)?;
        let veth = Veth {
            name: plug.port,
            bridge,
            peer_name: plug.interface,
            peer_mac: plug.mac,
            peer_namespace: plug.container,
            mtu: plug.mtu,
        };
        self.route.add_veth(&veth)?;
        let finished = self.admit(plug).and_then(|port| {
            if plug.is_isolated {
                self.route.isolate(port.link)?;
            }
            visit(plug.container, || container::configure(plug)).map(|()| port)
        });
        if finished.is_err() {
            let _ = self.remove(plug.port);
        }
        finished
    }

    fn is_plugged(&mut self, plug: &Plug<'_>) -> bool {
        let has_end = || Netlink::route()?.link_index(plug.interface);
        self.route.link_index(plug.port).is_ok() && visit(plug.container, has_end).is_ok()
    }

    fn admit(&mut self, plug: &Plug<'_>) -> SysResult<Port> {
        let link = self.route.link_index(plug.port)?;
        let addresses = plug.addresses.iter().map(|(address, _)| *address).collect();
        let port = Port { link, mac: plug.mac, addresses };
        nft::admit(&port).apply("admit to nftables", &mut self.filter)?;
        Ok(port)
    }

    /// Takes a container off its network: both ends go. They are gone already if the container is.
    ///
    /// # Errors
    /// The kernel's; that something is gone is none.
    pub fn unplug(&mut self, port: &Port) -> SysResult<()> {
        let removed = self.remove_link(port.link);
        self.dismiss(port)?;
        removed
    }

    /// From now on nothing is heard from a port.
    ///
    /// # Errors
    /// The kernel's; that it is gone is none.
    pub fn dismiss(&mut self, port: &Port) -> SysResult<()> {
        unless_gone(nft::dismiss(port).apply("dismiss from nftables", &mut self.filter))
    }

    /// # Errors
    /// The kernel's; that it is gone is none.
    pub fn remove_link(&mut self, link: u32) -> SysResult<()> {
        unless_gone(self.route.remove_link(link))
    }

    fn remove(&mut self, name: &str) -> SysResult<()> {
        remove_link(&mut self.route, name)
    }
}

fn remove_link(route: &mut Netlink, name: &str) -> SysResult<()> {
    unless_gone(route.link_index(name).and_then(|link| route.remove_link(link)))
}

fn unless_gone(result: SysResult<()>) -> SysResult<()> {
    const ENOENT: i32 = 2;
    const ENODEV: i32 = 19;
    match result {
        Err(error) if !matches!(error.errno, ENOENT | ENODEV) => Err(error),
        _ => Ok(()),
    }
}

fn unless_there(result: SysResult<()>) -> SysResult<()> {
    match result {
        Err(error) if is_there(&error) => Ok(()),
        other => other,
    }
}

/// Keeps N for as long as the descriptor is held.
///
/// # Errors
/// Of unshare(2).
pub fn make() -> SysResult<OwnedFd> {
    let enter = || {
        namespace::unshare(NETWORK)?;
        bunker_sys::file::open("/proc/thread-self/ns/net", bunker_sys::path::O_RDONLY)
    };
    thread::scope(|scope| scope.spawn(enter).join()).unwrap_or_else(|_| Err(SysError::new("thread", EFAULT)))
}
