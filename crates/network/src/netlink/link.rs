//! Bridges and veth pairs, and what is set on any link (rtnetlink(7), RTM_*LINK).

use super::{Attributes, Message, Netlink};
use bunker_sys::SysResult;
use std::os::fd::{AsRawFd, BorrowedFd};

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_TXQLEN: u16 = 13;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_INFO_SLAVE_KIND: u16 = 4;
const IFLA_INFO_SLAVE_DATA: u16 = 5;
const IFLA_BRPORT_ISOLATED: u16 = 33;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const VETH_INFO_PEER: u16 = 1;

const IFF_UP: u32 = 1;
/// struct ifinfomsg: family, type, index, flags, change.
const FIXED_SIZE: usize = 16;
const INDEX_AT: usize = 4;

/// A hardware address.
pub type Mac = [u8; 6];

/// A bridge to be made, up.
#[derive(Clone, Debug)]
pub struct Bridge<'a> {
    pub name: &'a str,
    /// Its own, so that it does not change with its ports.
    pub mac: Mac,
    pub mtu: u32,
}

/// A pair to be made: one end on a bridge here, up; the other in another network namespace, down.
#[derive(Clone, Debug)]
pub struct Veth<'a> {
    pub name: &'a str,
    /// Index of the bridge.
    pub bridge: u32,
    pub peer_name: &'a str,
    pub peer_mac: Mac,
    pub peer_namespace: BorrowedFd<'a>,
    pub mtu: u32,
}

impl Netlink {
    /// # Errors
    /// `EEXIST` if there is a link of that name.
    pub fn add_bridge(&mut self, bridge: &Bridge<'_>) -> SysResult<()> {
        // Groups are few and ports fewer: flooding costs less than losing neighbours' questions.
        let data = Attributes::new().with(IFLA_BR_MCAST_SNOOPING, &[0]);
        let info = Attributes::new().with_text(IFLA_INFO_KIND, "bridge").with_nested(IFLA_INFO_DATA, &data);
        let attributes = Attributes::new()
            .with_text(IFLA_IFNAME, bridge.name)
            .with(IFLA_ADDRESS, &bridge.mac)
            .with_u32(IFLA_MTU, bridge.mtu)
            .with_nested(IFLA_LINKINFO, &info);
        let message = Message::new(RTM_NEWLINK, &fixed(0, IFF_UP), &attributes).creating();
        self.request(&format!("add bridge {}", bridge.name), &message).map(drop)
    }

    /// # Errors
    /// `EEXIST` if a link of one of the names is there.
    pub fn add_veth(&mut self, veth: &Veth<'_>) -> SysResult<()> {
        let namespace = u32::try_from(veth.peer_namespace.as_raw_fd()).unwrap_or(u32::MAX);
        let peer = Attributes::new()
            .with_text(IFLA_IFNAME, veth.peer_name)
            .with(IFLA_ADDRESS, &veth.peer_mac)
            .with_u32(IFLA_MTU, veth.mtu)
            .with_u32(IFLA_NET_NS_FD, namespace);
        let mut described = fixed(0, 0).to_vec();
        described.extend_from_slice(peer.as_bytes());
        let info = Attributes::new()
            .with_text(IFLA_INFO_KIND, "veth")
            .with_nested(IFLA_INFO_DATA, &Attributes::new().with(VETH_INFO_PEER, &described));
        let attributes = Attributes::new()
            .with_text(IFLA_IFNAME, veth.name)
            .with_u32(IFLA_MTU, veth.mtu)
            .with_u32(IFLA_MASTER, veth.bridge)
            .with_nested(IFLA_LINKINFO, &info);
        let message = Message::new(RTM_NEWLINK, &fixed(0, IFF_UP), &attributes).creating();
        self.request(&format!("add veth {} with {}", veth.name, veth.peer_name), &message).map(drop)
    }

    /// The number of the link of this name.
    ///
    /// # Errors
    /// `ENODEV` if there is none.
    pub fn link_index(&mut self, name: &str) -> SysResult<u32> {
        let message = Message::new(RTM_GETLINK, &fixed(0, 0), &Attributes::new().with_text(IFLA_IFNAME, name));
        let replies = self.request(&format!("find link {name}"), &message)?;
        Ok(replies.iter().find_map(|reply| reply.number(INDEX_AT)).unwrap_or(0))
    }

    /// All links, by name and number.
    ///
    /// # Errors
    /// The kernel's.
    pub fn links(&mut self) -> SysResult<Vec<(String, u32)>> {
        let message = Message::new(RTM_GETLINK, &fixed(0, 0), &Attributes::new()).listing();
        let replies = self.request("list links", &message)?;
        let named = replies.iter().filter_map(|reply| {
            let name =
                String::from_utf8_lossy(reply.attribute(FIXED_SIZE, IFLA_IFNAME)?).trim_end_matches('\0').to_owned();
            Some((name, reply.number(INDEX_AT)?))
        });
        Ok(named.collect())
    }

    /// # Errors
    /// The kernel's.
    pub fn set_up(&mut self, index: u32) -> SysResult<()> {
        let message = Message::new(RTM_NEWLINK, &fixed(index, IFF_UP), &Attributes::new());
        self.request(&format!("set link {index} up"), &message).map(drop)
    }

    /// From now on this port of a bridge reaches none that is isolated as well.
    ///
    /// # Errors
    /// The kernel's.
    pub fn isolate(&mut self, port: u32) -> SysResult<()> {
        let data = Attributes::new().with(IFLA_BRPORT_ISOLATED, &[1]);
        let info = Attributes::new().with_text(IFLA_INFO_SLAVE_KIND, "bridge").with_nested(IFLA_INFO_SLAVE_DATA, &data);
        let message = Message::new(RTM_NEWLINK, &fixed(port, 0), &Attributes::new().with_nested(IFLA_LINKINFO, &info));
        self.request(&format!("isolate port {port}"), &message).map(drop)
    }

    /// How large its packets may be and how many may wait.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_size(&mut self, index: u32, mtu: u32, queue: u32) -> SysResult<()> {
        let attributes = Attributes::new().with_u32(IFLA_MTU, mtu).with_u32(IFLA_TXQLEN, queue);
        let message = Message::new(RTM_NEWLINK, &fixed(index, 0), &attributes);
        self.request(&format!("set sizes of link {index}"), &message).map(drop)
    }

    /// # Errors
    /// `ENODEV` if it is gone.
    pub fn remove_link(&mut self, index: u32) -> SysResult<()> {
        let message = Message::new(RTM_DELLINK, &fixed(index, 0), &Attributes::new());
        self.request(&format!("remove link {index}"), &message).map(drop)
    }
}

/// `flags` are set, all others are left.
fn fixed(index: u32, flags: u32) -> [u8; FIXED_SIZE] {
    let mut bytes = [0; FIXED_SIZE];
    for (place, value) in bytes.chunks_exact_mut(4).zip([0, index, flags, flags]) {
        place.copy_from_slice(&value.to_ne_bytes());
    }
    bytes
}
