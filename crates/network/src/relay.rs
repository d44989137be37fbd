//! The relay: carries what containers send out of N, and what clients send in, without a TCP/IP stack of its own.
//!
//! Out, TCP: a container's first SYN is routed into the tun and held while we connect outside (`attempts`); then it goes back
//! into the tun, the kernel of N answers it, the transparent listener accepts it, and the two sockets are pumped (`pump`).
//! What N must hold for that (nft rules, `ip rule`s, sysctls) is made by others; what must be born in N, by `born`.
//!
//! `start` makes a thread of it that is told what to do by the methods of `Relay`. Nothing goes out but what comes from a
//! source that was allowed, to a destination that `policy` does not forbid. The process's soft limit of open files is raised
//! to the hard one, of which each connection takes two.

use bunker_sys::{SysResult, credential};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::thread::{Builder, JoinHandle};

mod attempts;
pub mod born;
mod channel;
mod connections;
#[allow(dead_code)]
mod device;
#[allow(dead_code)]
mod flow;
mod outward;
#[allow(dead_code)]
mod packet;
mod pipes;
#[allow(dead_code)]
mod policy;
mod pump;
mod spare;
mod watch;

pub use policy::{HOST_V4, HOST_V6, Permission, Subnet};
pub use watch::{Readiness, Service, Watching};

use channel::{Outbox, channel};
use connections::Connections;
use device::Device;
use outward::{Outward, OutwardParts};
use policy::Sources;

/// getrlimit(2).
const RLIMIT_NOFILE: i32 = 7;
/// Descriptors for everything but connections: attempts, datagrams, and what the owner has.
const OTHER_DESCRIPTORS: u64 = 512;
/// More connections than anybody has; the kernel's memory for them is what runs out first.
const MOST_CONNECTIONS: u64 = 65_536;

/// What the relay is made of.
pub struct Parts {
    pub tun: OwnedFd,
    /// The transparent listeners of N.
    pub listeners: Vec<OwnedFd>,
    /// IPv6 packets for containers are cut to this: the MTU of the bridges.
    pub mtu: u16,
    /// What else lives on the outward thread.
    pub services: Vec<Box<dyn Service>>,
}

enum Command {
    Forget(IpAddr),
    Stop,
}

#[derive(Default)]
struct Counts {
    attempts: AtomicUsize,
    outward: AtomicUsize,
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
}

/// A relay at work.
pub struct Relay {
    outward: Outbox<Command>,
    threads: Vec<JoinHandle<SysResult<()>>>,
    shared: Arc<Shared>,
}

/// Starts the relay. The calling thread is on the host's side.
pub fn start(parts: Parts) -> SysResult<Relay> {
    let shared = Arc::new(Shared::default());
    let (outbox, inbox) = channel()?;
    let most = most_connections()?;
    let outward = Outward::new(OutwardParts {
        device: Device::new(parts.tun, parts.mtu),
        listeners: parts.listeners,
        services: parts.services,
        connections: Connections::new(most, true),
        inbox,
        shared: Arc::clone(&shared),
    })?;
    let thread = spawn("outward", move || outward.run())?;
    Ok(Relay { outward: outbox, threads: vec![thread], shared })
}

fn spawn(name: &str, run: impl FnOnce() -> SysResult<()> + Send + 'static) -> SysResult<JoinHandle<SysResult<()>>> {
    let spawned = Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|error| bunker_sys::SysError::from_io("clone(thread)", &error))
}

fn most_connections() -> SysResult<usize> {
    let (soft, hard) = credential::limit(RLIMIT_NOFILE)?;
    let files = credential::set_limit(RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard);
    let most = (files.saturating_sub(OTHER_DESCRIPTORS) / 2).clamp(1, MOST_CONNECTIONS);
    Ok(usize::try_from(most).unwrap_or(1))
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
    }

    /// The user's own networks, which are not reached through us.
    pub fn set_subnets(&self, subnets: Vec<Subnet>) {
        self.shared.change(|sources| sources.set_subnets(subnets));
    }

    pub fn statistics(&self) -> Statistics {
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let counts = &self.shared.counts;
        Statistics { attempts: read(&counts.attempts), outward: read(&counts.outward) }
    }

    /// Whether all threads are at work. One that is not has failed: `stop` tells why.
    pub fn is_alive(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends everything that is under way.
    pub fn stop(self) -> SysResult<()> {
        self.outward.send(Command::Stop);
        let ended = self.threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(bunker_sys::SysError::new("a thread of the relay panicked", 0)))
        });
        ended.collect()
    }
}
