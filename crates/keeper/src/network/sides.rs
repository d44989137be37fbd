//! The way to name servers: one that is a container is asked from within N, all others from the host's side.

use bunker_network::dns::{Dial, HostSide};
use bunker_network::namespace::visit;
use bunker_network::relay::Subnet;
use bunker_sys::inet::{self, Kind, Switch};
use bunker_sys::{SysError, SysResult};
use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, PoisonError, RwLock};

/// Of the user's networks, as they are now.
pub type Subnets = Arc<RwLock<Vec<Subnet>>>;

pub struct Sides {
    /// N.
    pub inside: OwnedFd,
    pub subnets: Subnets,
}

impl Sides {
    fn is_within(&self, server: SocketAddr) -> bool {
        self.subnets.read().unwrap_or_else(PoisonError::into_inner).iter().any(|subnet| subnet.contains(server.ip()))
    }

    /// Connected, or about to be.
    fn connect(&self, kind: Kind, server: SocketAddr) -> io::Result<OwnedFd> {
        let make = || -> SysResult<OwnedFd> {
            let socket = inet::socket(kind, server.ip())?;
            // By this N's rules know the answers of a connection as ours.
            inet::enable(socket.as_fd(), Switch::Transparent(server.is_ipv6()))?;
            inet::connect(socket.as_fd(), server)?;
            Ok(socket)
        };
        visit(self.inside.as_fd(), make).map_err(|error: SysError| io::Error::from_raw_os_error(error.errno))
    }
}

impl Dial for Sides {
    fn datagram(&mut self, server: SocketAddr) -> io::Result<UdpSocket> {
        if self.is_within(server) { Ok(self.connect(Kind::Udp, server)?.into()) } else { HostSide.datagram(server) }
    }

    fn stream(&mut self, server: SocketAddr) -> io::Result<TcpStream> {
        if self.is_within(server) { Ok(self.connect(Kind::Tcp, server)?.into()) } else { HostSide.stream(server) }
    }
}
