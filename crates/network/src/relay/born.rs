//! What must be made by a thread that is in N, because a socket and a device stay in the network namespace they were made in.
//! Root in the owner of N is needed (CAP_NET_ADMIN). The device is made without address and down: whoever makes the links of N
//! raises it, with an MTU of 65535 and a queue for thousands of SYNs that come at once.

use bunker_sys::inet::{self, Switch};
use bunker_sys::{SysResult, tun};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

/// As many connections as the kernel allows by default between its answer and our accepting (net.core.somaxconn).
pub(crate) const BACKLOG: i32 = 4096;

/// The tun through which everything that is for the outside leaves N.
pub fn tun(name: &str) -> SysResult<OwnedFd> {
    tun::make(name)
}

/// The listener on 127.0.0.1 that TPROXY gives connections of any destination to.
pub fn listener_v4(port: u16) -> SysResult<OwnedFd> {
    let switches = [Switch::ReuseAddress, Switch::Transparent(false), Switch::NoDelay];
    inet::listener(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), &switches, BACKLOG)
}

/// As `listener_v4`, on ::1.
pub fn listener_v6(port: u16) -> SysResult<OwnedFd> {
    let switches = [Switch::ReuseAddress, Switch::OnlyV6, Switch::Transparent(true), Switch::NoDelay];
    inet::listener(SocketAddr::from((Ipv6Addr::LOCALHOST, port)), &switches, BACKLOG)
}
