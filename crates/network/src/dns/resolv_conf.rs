//! The host's resolv.conf(5): which name servers to ask, and how. As tolerant as the C libraries: what is not understood
//! is passed over.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

const PORT: u16 = 53;
/// As many as the C libraries look at.
const MOST_SERVERS: usize = 3;
/// For a server that says nothing; shorter than what clients wait for us (5 s), so that they hear from the next one.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Rounds over all servers.
const ATTEMPTS: usize = 2;
/// The most that resolv.conf(5) lets one ask for.
const MOST_ATTEMPTS: usize = 5;
const LONGEST_TIMEOUT_SECONDS: u64 = 30;

/// Name servers, and how to ask them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstreams {
    pub servers: Vec<SocketAddr>,
    /// How long one server is waited for.
    pub timeout: Duration,
    pub attempts: usize,
    /// Each question begins with another server.
    pub is_rotating: bool,
    /// Asked by TCP alone.
    pub is_stream_only: bool,
}

impl Default for Upstreams {
    fn default() -> Self {
        Self { servers: Vec::new(), timeout: TIMEOUT, attempts: ATTEMPTS, is_rotating: false, is_stream_only: false }
    }
}

impl Upstreams {
    /// The same ways, other servers.
    pub fn with_servers(&self, servers: &[IpAddr]) -> Self {
        let servers = servers.iter().map(|server| SocketAddr::new(*server, PORT)).collect();
        Self { servers, ..self.clone() }
    }
}

/// Reads a resolv.conf. `interface_index` says the number of a named interface, for servers on one link (`fe80::1%eth0`).
pub fn parse_resolv_conf(text: &str, interface_index: &dyn Fn(&str) -> Option<u32>) -> Upstreams {
    let mut found = Upstreams::default();
    for line in text.lines() {
        // Only at a line's beginning do these make a comment (resolv.conf(5)).
        if line.starts_with(['#', ';']) {
            continue;
        }
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") if found.servers.len() < MOST_SERVERS => {
                let server = words.next().and_then(|word| parse_server(word, interface_index));
                found.servers.extend(server.filter(|server| !found.servers.contains(server)));
            }
            Some("options") => words.for_each(|word| set_option(&mut found, word)),
            _ => (),
        }
    }
    found
}

fn parse_server(word: &str, interface_index: &dyn Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let (address, zone) = word.split_once('%').map_or((word, None), |(address, zone)| (address, Some(zone)));
    let address: IpAddr = address.parse().ok()?;
    match (address, zone) {
        (_, None) => Some(SocketAddr::new(address, PORT)),
        (IpAddr::V6(address), Some(zone)) => {
            let scope = zone.parse().ok().or_else(|| interface_index(zone))?;
            Some(SocketAddrV6::new(address, PORT, 0, scope).into())
        }
        (IpAddr::V4(_), Some(_)) => None,
    }
}

fn set_option(upstreams: &mut Upstreams, word: &str) {
    let (name, value) = word.split_once(':').unwrap_or((word, ""));
    match name {
        "timeout" => {
            if let Ok(seconds) = value.parse::<u64>() {
                upstreams.timeout = Duration::from_secs(seconds.clamp(1, LONGEST_TIMEOUT_SECONDS));
            }
        }
        "attempts" => {
            if let Ok(attempts) = value.parse::<usize>() {
                upstreams.attempts = attempts.clamp(1, MOST_ATTEMPTS);
            }
        }
        "rotate" => upstreams.is_rotating = true,
        "use-vc" => upstreams.is_stream_only = true,
        _ => (),
    }
}

#[cfg(test)]
#[path = "resolv_conf_test.rs"]
mod tests;
