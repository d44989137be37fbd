//! Outside sockets without connections (UDP, ping) that hear one peer, and of errors on the way to it. What the kernel chose for one
//! when it was connected, its address on the host, it keeps; the host's interfaces and routes do not stay as they are, and whoever
//! sends from a container cannot know. So now and then it is compared with what a new one would have.

use bunker_sys::inet::message::{self, Refusal};
use bunker_sys::inet::{self, Kind, Switch};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long one is taken to be right.
const PAUSE: Duration = Duration::from_secs(1);
/// Errors told in one turn.
const MOST_AT_ONCE: usize = 64;

pub(crate) struct Peer {
    socket: OwnedFd,
    looked: Instant,
}

impl Peer {
    pub(crate) fn connect(kind: Kind, target: SocketAddr) -> Result<Self, i32> {
        let socket = inet::socket(kind, target.ip()).map_err(|error| error.errno)?;
        // Without it a refusal is not heard of, which UDP and ICMP allow.
        let _ = inet::enable(socket.as_fd(), Switch::Errors(target.is_ipv6()));
        inet::connect(socket.as_fd(), target).map_err(|error| error.errno)?;
        Ok(Self { socket, looked: Instant::now() })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// One to the same target, to be used instead, if by now the host goes there from another address.
    pub(crate) fn successor(&mut self, kind: Kind, target: SocketAddr) -> Result<Option<Self>, i32> {
        if self.looked.elapsed() < PAUSE {
            return Ok(None);
        }
        self.looked = Instant::now();
        let other = Self::connect(kind, target)?;
        Ok((other.address() != self.address()).then_some(other))
    }

    fn address(&self) -> Option<IpAddr> {
        inet::local_address(self.fd()).ok().map(|address| address.ip())
    }

    /// What its error queue holds; afterwards it has no error.
    pub(crate) fn errors(&self) -> impl Iterator<Item = Refusal> + '_ {
        inet::take_error(self.fd());
        (0..MOST_AT_ONCE).map_while(|_| message::receive_error(self.fd()))
    }
}
