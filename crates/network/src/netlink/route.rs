//! Addresses, routes and routing rules (rtnetlink(7); ip-rule(8)).

use super::{Attributes, Message, Netlink, is_there};
use bunker_sys::SysResult;
use std::net::IpAddr;

const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_NEWRULE: u16 = 32;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
/// No duplicate address detection: we hand them out, and a second of waiting would be seen.
const IFA_F_NODAD: u8 = 0x02;

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_TABLE: u16 = 15;

const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_TABLE: u16 = 15;
const FR_ACT_TO_TBL: u8 = 1;

const RTPROT_STATIC: u8 = 4;
const SCOPE_UNIVERSE: u8 = 0;
const SCOPE_LINK: u8 = 253;
const SCOPE_HOST: u8 = 254;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    Unicast,
    /// To this very host, whatever the address.
    Local,
}

/// A route to be made. Its family is that of the destination.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub kind: RouteKind,
    /// Address and length of prefix; length 0 is everything.
    pub destination: (IpAddr, u8),
    pub gateway: Option<IpAddr>,
    /// Index of the link it leaves by.
    pub link: u32,
    /// 254 is the main one.
    pub table: u32,
    pub metric: Option<u32>,
}

/// Packets with a mark take their routes from a table, whose number is the rule's priority.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub is_version6: bool,
    pub mark: u32,
    pub table: u32,
}

impl Netlink {
    /// # Errors
    /// `EEXIST` if the link has it.
    pub fn add_address(&mut self, link: u32, address: IpAddr, prefix: u8) -> SysResult<()> {
        let message =
            Message::new(RTM_NEWADDR, &address_fixed(link, address, prefix), &address_attributes(address, prefix));
        self.request(&format!("add address {address}/{prefix} to link {link}"), &message.creating()).map(drop)
    }

    /// # Errors
    /// `EADDRNOTAVAIL` if the link does not have it.
    pub fn remove_address(&mut self, link: u32, address: IpAddr, prefix: u8) -> SysResult<()> {
        let message =
            Message::new(RTM_DELADDR, &address_fixed(link, address, prefix), &address_attributes(address, prefix));
        self.request(&format!("remove address {address}/{prefix} from link {link}"), &message).map(drop)
    }

    /// # Errors
    /// `EEXIST`, `ENETUNREACH` (the gateway cannot be reached), …
    pub fn add_route(&mut self, route: &Route) -> SysResult<()> {
        self.request(&format!("add route {}", told(route)), &route_message(RTM_NEWROUTE, route).creating()).map(drop)
    }

    /// In the place of the one to the same destination.
    ///
    /// # Errors
    /// `ENETUNREACH` (the gateway cannot be reached), …
    pub fn replace_route(&mut self, route: &Route) -> SysResult<()> {
        let message = route_message(RTM_NEWROUTE, route).replacing();
        self.request(&format!("replace route {}", told(route)), &message).map(drop)
    }

    /// # Errors
    /// `ESRCH` if there is none.
    pub fn remove_route(&mut self, route: &Route) -> SysResult<()> {
        self.request(&format!("remove route {}", told(route)), &route_message(RTM_DELROUTE, route)).map(drop)
    }

    /// Makes it unless it is there.
    ///
    /// # Errors
    /// `EAFNOSUPPORT` where the kernel has no such family or no rules.
    pub fn ensure_rule(&mut self, rule: Rule) -> SysResult<()> {
        let family = if rule.is_version6 { AF_INET6 } else { AF_INET };
        let fixed = [family, 0, 0, 0, 0, 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0];
        // Without a priority of its own each is another rule.
        let attributes = Attributes::new()
            .with_u32(FRA_PRIORITY, rule.table)
            .with_u32(FRA_FWMARK, rule.mark)
            .with_u32(FRA_TABLE, rule.table);
        let message = Message::new(RTM_NEWRULE, &fixed, &attributes).creating();
        match self.request(&format!("add rule for mark {}", rule.mark), &message) {
            Err(error) if !is_there(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// struct ifaddrmsg: family, prefix length, flags, scope, index.
fn address_fixed(link: u32, address: IpAddr, prefix: u8) -> [u8; 8] {
    let flags = if address.is_ipv6() { IFA_F_NODAD } else { 0 };
    let [a, b, c, d] = link.to_ne_bytes();
    [family(address), prefix, flags, SCOPE_UNIVERSE, a, b, c, d]
}

fn address_attributes(address: IpAddr, prefix: u8) -> Attributes {
    let bytes = octets(address);
    let attributes = Attributes::new().with(IFA_LOCAL, &bytes).with(IFA_ADDRESS, &bytes);
    match address {
        IpAddr::V4(address) if prefix < 31 => {
            let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            attributes.with(IFA_BROADCAST, &(u32::from(address) | hosts).to_be_bytes())
        }
        _ => attributes,
    }
}

/// struct rtmsg: family, destination's and source's prefix length, tos, table, protocol, scope, type, flags.
fn route_message(kind: u16, route: &Route) -> Message {
    let (destination, prefix) = route.destination;
    let (of, scope) = match (route.kind, route.gateway) {
        (RouteKind::Local, _) => (RTN_LOCAL, SCOPE_HOST),
        (RouteKind::Unicast, Some(_)) => (RTN_UNICAST, SCOPE_UNIVERSE),
        (RouteKind::Unicast, None) => (RTN_UNICAST, SCOPE_LINK),
    };
    let fixed = [family(destination), prefix, 0, 0, 0, RTPROT_STATIC, scope, of, 0, 0, 0, 0];
    let mut attributes = Attributes::new().with_u32(RTA_TABLE, route.table).with_u32(RTA_OIF, route.link);
    if prefix > 0 {
        attributes = attributes.with(RTA_DST, &octets(destination));
    }
    if let Some(gateway) = route.gateway {
        attributes = attributes.with(RTA_GATEWAY, &octets(gateway));
    }
    if let Some(metric) = route.metric {
        attributes = attributes.with_u32(RTA_PRIORITY, metric);
    }
    Message::new(kind, &fixed, &attributes)
}

fn told(route: &Route) -> String {
    let (destination, prefix) = route.destination;
    format!("{destination}/{prefix} in table {}", route.table)
}

fn family(address: IpAddr) -> u8 {
    if address.is_ipv4() { AF_INET } else { AF_INET6 }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
