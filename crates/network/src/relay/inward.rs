//! The thread in N: published TCP ports. Their listeners are the host's; connections to containers are made from N, with the
//! client's own address wherever that can be used there. A container that refuses looks refused: the client is reset.

use bunker_sys::SysResult;
use bunker_sys::inet::{self, Kind, Switch};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use super::channel::{Inbox, Outbox};
use super::connections::Connections;
use super::flow::{Bounds, Source, Table};
use super::policy::Permission;
use super::published::{Destination, Wanted};
use super::spare::Spare;
use super::watch::{News, Purpose, Watch};
use super::{Command, Shared};

/// Connections taken in one turn: others wait meanwhile.
const MOST_AT_ONCE: usize = 256;
/// Connections that containers have not answered yet; the clients of more are reset.
const ATTEMPT_BOUNDS: Bounds = Bounds { per_owner: 3072, in_all: 4096 };
/// A container in N answers at once, or its stack is broken.
const PATIENCE: Duration = Duration::from_secs(20);
const TIDY: Duration = Duration::from_secs(1);

pub(crate) enum InwardCommand {
    Publish(u64, (OwnedFd, Destination)),
    /// Dropped when the port is closed.
    Unpublish(u64, Sender<()>),
    /// A socket for a client of a published UDP port.
    Client(Wanted),
    Forget(IpAddr),
    Stop,
}

struct Attempt {
    client: OwnedFd,
    inside: OwnedFd,
    source: Source,
}

/// What the thread is made of.
pub(crate) struct InwardParts {
    pub(crate) connections: Connections,
    pub(crate) inbox: Inbox<InwardCommand>,
    pub(crate) outward: Outbox<Command>,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Inward {
    watch: Watch,
    parts: InwardParts,
    spare: Spare,
    ports: HashMap<u64, (OwnedFd, Destination)>,
    attempts: Table<u64, Attempt>,
    tidied: Instant,
}

impl Inward {
    pub(crate) fn new(parts: InwardParts) -> SysResult<Self> {
        let watch = Watch::new()?;
        watch.readable(parts.inbox.fd(), Purpose::Command, 0)?;
        let (ports, attempts) = (HashMap::new(), Table::new(ATTEMPT_BOUNDS));
        Ok(Self { watch, parts, spare: Spare::new()?, ports, attempts, tidied: Instant::now() })
    }

    /// Carries until it is told to stop. An error is one of our own descriptors': nothing can be carried any more.
    pub(crate) fn run(mut self) -> SysResult<()> {
        loop {
            let now = Instant::now();
            let work = self.parts.connections.has_due().then_some(now);
            let tidy = (!self.attempts.is_empty()).then_some(self.tidied.max(now) + TIDY);
            for news in self.watch.wait(work.or(tidy))? {
                if news.purpose == Purpose::Command && !self.obey() {
                    return Ok(());
                }
                self.note(&news);
            }
            self.parts.connections.turn();
            self.pass_time();
            self.parts.shared.counts.inward.store(self.parts.connections.len(), Ordering::Relaxed);
        }
    }

    fn note(&mut self, news: &News) {
        match news.purpose {
            Purpose::Port => self.accept(news.number),
            Purpose::Attempt => self.finish(news.number),
            Purpose::FirstSide => self.parts.connections.note(news.number, false, news.readiness),
            Purpose::SecondSide => self.parts.connections.note(news.number, true, news.readiness),
            _ => {}
        }
    }

    /// Does what the owner says. Whether to go on.
    fn obey(&mut self) -> bool {
        while let Some(command) = self.parts.inbox.next() {
            match command {
                InwardCommand::Stop => return false,
                InwardCommand::Publish(number, port) => {
                    // One that cannot be watched stays silent: there is no memory for it.
                    let _ = self.watch.readable(port.0.as_fd(), Purpose::Port, number);
                    self.ports.insert(number, port);
                }
                InwardCommand::Unpublish(number, _done) => drop(self.ports.remove(&number)),
                InwardCommand::Client(wanted) => self.make_client(&wanted),
                InwardCommand::Forget(target) => {
                    refuse_all(&self.attempts.forget(target));
                    self.parts.connections.forget(target);
                }
            }
        }
        true
    }

    fn make_client(&self, wanted: &Wanted) {
        let Destination { target, gateway } = wanted.destination;
        let made = inet::socket(Kind::Udp, target.ip()).and_then(|socket| {
            inet::bind(socket.as_fd(), SocketAddr::new(gateway, 0))?;
            inet::connect(socket.as_fd(), target)?;
            Ok(socket)
        });
        // A client without a socket is not answered, as one of a container that is gone.
        if let Ok(socket) = made {
            self.parts.outward.send(Command::Client(wanted.client, socket));
        }
    }

    fn accept(&mut self, number: u64) {
        for _ in 0..MOST_AT_ONCE {
            let Some((listener, destination)) = self.ports.get(&number) else { return };
            let Some((client, address)) = self.spare.accept(listener.as_fd()) else { return };
            let address = SocketAddr::new(address.ip().to_canonical(), address.port());
            self.begin(client, address, *destination);
        }
    }

    fn begin(&mut self, client: OwnedFd, address: SocketAddr, destination: Destination) {
        let target = destination.target;
        let sources = self.parts.shared.sources();
        // Its container has just gone.
        let Some(Permission { owner, .. }) = sources.permission(target.ip()) else { return refuse(&client) };
        let is_usable = address.is_ipv6() == target.is_ipv6() && sources.is_usable_inside(address.ip());
        drop(sources);
        let own = [address, SocketAddr::new(address.ip(), 0)];
        let mut sources = own.into_iter().filter(|_| is_usable).chain([SocketAddr::new(destination.gateway, 0)]);
        let inside = sources.find_map(|from| connect(from, target));
        let number = self.watch.number();
        match inside.filter(|inside| self.watch.attempt(inside.as_fd(), number).is_ok()) {
            Some(inside) => {
                // Wishes, as in `attempts`.
                let _ = inet::enable(client.as_fd(), Switch::NoDelay);
                let _ = inet::enable(client.as_fd(), Switch::KeepAlive);
                let source = Source { owner, address: target.ip() };
                let attempt = Attempt { client, inside, source };
                refuse_all(&self.attempts.insert(number, attempt, (source, Instant::now() + PATIENCE)));
            }
            None => refuse(&client),
        }
    }

    fn finish(&mut self, number: u64) {
        let Some(attempt) = self.attempts.remove(&number) else { return };
        if inet::take_error(attempt.inside.as_fd()) == 0 {
            self.parts.connections.join(&mut self.watch, (attempt.client, attempt.inside), attempt.source);
        } else {
            refuse(&attempt.client);
        }
    }

    fn pass_time(&mut self) {
        let now = Instant::now();
        if now - self.tidied >= TIDY {
            self.tidied = now;
            refuse_all(&self.attempts.expire(now));
        }
    }
}

/// Begins to connect from this address: one of a client's, or one that is N's. Transparent in either case: that is how N's rules
/// know the answers as ours.
fn connect(from: SocketAddr, target: SocketAddr) -> Option<OwnedFd> {
    let socket = inet::socket(Kind::Tcp, target.ip()).ok()?;
    let _ = inet::enable(socket.as_fd(), Switch::NoDelay);
    let _ = inet::enable(socket.as_fd(), Switch::KeepAlive);
    inet::enable(socket.as_fd(), Switch::ReuseAddress).ok()?;
    inet::enable(socket.as_fd(), Switch::Transparent(target.is_ipv6())).ok()?;
    if from.port() == 0 {
        inet::enable(socket.as_fd(), Switch::PortWhenConnecting).ok()?;
    }
    inet::bind(socket.as_fd(), from).ok()?;
    inet::connect(socket.as_fd(), target).ok()?;
    Some(socket)
}

fn refuse_all(attempts: &[Attempt]) {
    attempts.iter().for_each(|attempt| refuse(&attempt.client));
}

/// Nobody serves it: a reset, not an end. Where that is refused the connection is gone already.
fn refuse(client: &OwnedFd) {
    let _ = inet::reset_on_close(client.as_fd());
}
