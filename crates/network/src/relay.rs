//! The relay: carries what containers send out of N, and what clients send in, without a TCP/IP stack of its own.
//!
//! Out, TCP: a container's first SYN is routed into the tun and held while we connect outside (`attempts`); then it goes back
//! into the tun, the kernel of N answers it, the transparent listener accepts it, and the two sockets are pumped (`pump`).
//! What N must hold for that (nft rules, `ip rule`s, sysctls) is made by others; what must be born in N, by `born`.
//!
//! Out, UDP and echo requests: read from the tun, sent by a host socket of the flow's own (`datagrams`, `echoes`), answered by
//! packets written into the tun. In, TCP: a host listener, and a connection from N with the client's own address (`inward`).
//! In, UDP: a host socket, and packets through the tun (`published`).
//!
//! `start` makes two threads: *outward*, on the host's side, where everything that needs sockets there is done, and *inward*,
//! which enters N, for sockets that must be born there. Each is told what to do by the methods of `Relay`, through a queue and
//! an eventfd.
//!
//! Nothing goes out but what comes from a source that was allowed, to a destination that `policy` does not forbid. The
//! process's soft limit of open files is raised to the hard one, of which each connection takes two.

use bunker_sys::inet::{self, Switch};
use bunker_sys::{SysError, SysResult, credential, file, namespace};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

mod attempts;
pub mod born;
mod channel;
mod connections;
mod datagrams;
mod device;
mod echoes;
mod flow;
mod fragments;
mod inward;
mod numbered;
mod outward;
mod packet;
mod peer;
mod pipes;
mod policy;
mod published;
mod pump;
mod spare;
#[cfg(all(test, any(bunker_fuzz, clippy)))]
mod strangers_fuzz;
mod waiting;
mod watch;

pub use policy::{HOST_V4, HOST_V6, Owner, Permission, Subnet};

use channel::{Outbox, channel};
use connections::Connections;
use device::Device;
use inward::{Inward, InwardCommand, InwardParts};
use outward::{Outward, OutwardParts};
use policy::Sources;
use published::Destination;

/// getrlimit(2).
const RLIMIT_NOFILE: i32 = 7;
/// A thread that takes longer to close a port has other troubles.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);
/// More connections each way than anybody has; the kernel's memory for them is what runs out first.
const MOST_CONNECTIONS: u64 = 65_536;

/// What the relay is made of.
pub struct Parts {
    /// N, for the inward thread to enter.
    pub inside: OwnedFd,
    pub tun: OwnedFd,
    /// The transparent listeners of N.
    pub listeners: Vec<OwnedFd>,
    /// IPv6 packets for containers are cut to this: the MTU of the bridges.
    pub mtu: u16,
}

/// What carries a published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// A published port: a socket of the host's side, and the container it leads to.
pub struct Port {
    pub protocol: Protocol,
    /// Bound. It need not be told to listen, or not to block.
    pub socket: OwnedFd,
    pub target: SocketAddr,
    /// Whom the container sees where the client's address cannot be used: the target's bridge.
    pub gateway: IpAddr,
}

/// A port that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortNumber(u64);

enum Command {
    Publish(u64, (OwnedFd, Destination)),
    Unpublish(u64, Sender<()>),
    /// A socket of N for a client.
    Client(u64, OwnedFd),
    Forget(IpAddr),
    Stop,
}

#[derive(Default)]
struct Counts {
    attempts: AtomicUsize,
    outward: AtomicUsize,
    inward: AtomicUsize,
    datagrams: AtomicUsize,
    echoes: AtomicUsize,
    clients: AtomicUsize,
}

/// What the threads and the owner look at together.
#[derive(Default)]
struct Shared {
    sources: RwLock<Sources>,
    counts: Counts,
}

impl Shared {
    fn sources(&self) -> RwLockReadGuard<'_, Sources> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Sources)) {
        change(&mut self.sources.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Connections out that the destination has not answered.
    pub attempts: usize,
    /// Connections out.
    pub outward: usize,
    /// Connections to published ports.
    pub inward: usize,
    /// Pairs of ends that exchange datagrams with the outside.
    pub datagrams: usize,
    /// Pings.
    pub echoes: usize,
    /// Clients of published UDP ports.
    pub clients: usize,
}

/// A relay at work.
pub struct Relay {
    outward: Outbox<Command>,
    inward: Outbox<InwardCommand>,
    last_port: AtomicU64,
    threads: Vec<JoinHandle<SysResult<()>>>,
    shared: Arc<Shared>,
}

/// Starts the relay. The calling thread is on the host's side, and may enter N.
pub fn start(parts: Parts) -> SysResult<Relay> {
    let shared = Arc::new(Shared::default());
    let (outward, outward_inbox) = channel()?;
    let (inward, inward_inbox) = channel()?;
    let most = most_connections()?;
    let carrier = Outward::new(OutwardParts {
        device: Device::new(parts.tun, parts.mtu),
        listeners: parts.listeners,
        connections: Connections::new(most),
        inbox: outward_inbox,
        inward: inward.clone(),
        shared: Arc::clone(&shared),
    })?;
    let other = Inward::new(InwardParts {
        connections: Connections::new(most),
        inbox: inward_inbox,
        outward: outward.clone(),
        shared: Arc::clone(&shared),
    })?;
    let (tell, entered) = mpsc::channel();
    let inside = parts.inside;
    let there = spawn("inward", move || {
        let joined = namespace::join(inside.as_fd(), namespace::NETWORK);
        let is_there = joined.is_ok();
        // Nobody listens only where nobody waits for it any more.
        let _ = tell.send(joined);
        if is_there { other.run() } else { Ok(()) }
    })?;
    entered.recv().unwrap_or_else(|_| Err(SysError::new("a thread of the relay", 0)))?;
    let here = match spawn("outward", move || carrier.run()) {
        Ok(here) => here,
        Err(error) => {
            inward.send(InwardCommand::Stop);
            return Err(error);
        }
    };
    Ok(Relay { outward, inward, last_port: AtomicU64::new(0), threads: vec![here, there], shared })
}

fn spawn(name: &str, run: impl FnOnce() -> SysResult<()> + Send + 'static) -> SysResult<JoinHandle<SysResult<()>>> {
    let spawned = Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|error| SysError::from_io("clone(thread)", &error))
}

/// Of the descriptors we may have, connections each way get two fifths (two each); the rest is for attempts, datagrams, echoes
/// and what the owner has. Where that is little, and a table finds none left, what is new is lost until something ends.
fn most_connections() -> SysResult<usize> {
    let (soft, hard) = credential::limit(RLIMIT_NOFILE)?;
    let files = credential::set_limit(RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard);
    Ok(usize::try_from((files / 5).clamp(2, MOST_CONNECTIONS)).unwrap_or(2))
}

impl Relay {
    /// Lets a container out, as far as this permission goes.
    pub fn allow(&self, source: IpAddr, permission: Permission) {
        self.shared.change(|sources| sources.allow(source, permission));
    }

    /// A container is gone: its address is nobody's, and what it had under way ends.
    pub fn forget(&self, source: IpAddr) {
        self.shared.change(|sources| sources.forget(source));
        self.outward.send(Command::Forget(source));
        self.inward.send(InwardCommand::Forget(source));
    }

    /// Publishes a port until it is unpublished.
    ///
    /// # Errors
    /// Of listen(2): `EADDRINUSE` where somebody else does, at a TCP port that both could bind.
    pub fn publish(&self, port: Port) -> SysResult<PortNumber> {
        file::set_nonblocking(port.socket.as_fd())?;
        let number = self.last_port.fetch_add(1, Ordering::Relaxed) + 1;
        let destination = Destination { target: port.target, gateway: port.gateway };
        match port.protocol {
            Protocol::Tcp => {
                inet::listen(port.socket.as_fd(), born::BACKLOG)?;
                self.inward.send(InwardCommand::Publish(number, (port.socket, destination)))
            }
            Protocol::Udp => {
                // Where the kernel does not tell it, it chooses the source of the answer.
                let is_v6 = inet::local_address(port.socket.as_fd())?.is_ipv6();
                inet::enable(port.socket.as_fd(), Switch::Destination(is_v6))?;
                self.outward.send(Command::Publish(number, (port.socket, destination)))
            }
        };
        Ok(PortNumber(number))
    }

    /// Closes a port: whoever wants it can have it when this returns. Connections that it has brought go on, until their container
    /// is forgotten.
    pub fn unpublish(&self, port: PortNumber) {
        let (done, closed) = mpsc::channel();
        self.outward.send(Command::Unpublish(port.0, done.clone()));
        self.inward.send(InwardCommand::Unpublish(port.0, done));
        // Nothing is ever said: both threads drop their ends when they have closed it.
        let _ = closed.recv_timeout(CLOSING_PATIENCE);
    }

    /// The user's own networks, which are not reached through us.
    pub fn set_subnets(&self, subnets: Vec<Subnet>) {
        self.shared.change(|sources| sources.set_subnets(subnets));
    }

    /// From now on containers see their gateway instead of clients' own addresses: what they send elsewhere does not come to us.
    pub fn hide_clients(&self) {
        self.shared.change(Sources::hide_clients);
    }

    pub fn statistics(&self) -> Statistics {
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let counts = &self.shared.counts;
        Statistics {
            attempts: read(&counts.attempts),
            outward: read(&counts.outward),
            inward: read(&counts.inward),
            datagrams: read(&counts.datagrams),
            echoes: read(&counts.echoes),
            clients: read(&counts.clients),
        }
    }

    /// Whether all threads are at work. One that is not has failed: `stop` tells why.
    pub fn is_alive(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends everything that is under way.
    pub fn stop(self) -> SysResult<()> {
        self.outward.send(Command::Stop);
        self.inward.send(InwardCommand::Stop);
        let ended = self
            .threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(SysError::new("a thread of the relay panicked", 0))));
        ended.collect()
    }
}
