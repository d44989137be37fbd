//! What the kernel is told below /proc/sys/net: in N, and in a container's network namespace.

use bunker_sys::{SysError, SysResult};
use std::fs;
use std::io::ErrorKind;

/// The tun breaks under any rp_filter; with tcp_early_demux a SYN that takes the port of a flow in
/// TIME_WAIT would never leave its bridge; and nobody tells N of routers. Where the kernel shows bridged packets to the rules for
/// routed ones, that is only slow.
pub(super) const OF_N: [(&str, &str); 15] = [
    ("bridge/bridge-nf-call-iptables", "0"),
    ("bridge/bridge-nf-call-ip6tables", "0"),
    ("ipv4/ip_forward", "1"),
    ("ipv4/tcp_early_demux", "0"),
    ("ipv4/tcp_synack_retries", "2"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/all/accept_redirects", "0"),
    ("ipv6/conf/default/accept_redirects", "0"),
    ("ipv6/conf/default/dad_transmits", "0"),
];

/// Of a container's end: a container listens to no router. Its own alone count, and `default` for the ends to come.
pub(super) const OF_ENDS: [(&str, &str); 4] =
    [("ipv4", "accept_redirects"), ("ipv6", "accept_ra"), ("ipv6", "accept_redirects"), ("ipv6", "dad_transmits")];

/// Of the network namespace this thread is in. A kernel without IPv6 or without filters in bridges has none of theirs.
pub(super) fn write(sysctls: &[(&str, &str)]) -> SysResult<()> {
    for (name, value) in sysctls {
        let path = format!("/proc/sys/net/{name}");
        match fs::write(&path, value) {
            Err(error) if error.kind() != ErrorKind::NotFound || name.starts_with("ipv4/") => {
                return Err(SysError::from_io(format!("write({path:?}, {value:?})"), &error));
            }
            _ => {}
        }
    }
    Ok(())
}
