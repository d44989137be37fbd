//! The thread on the host's side: everything that needs a socket there. It reads the tun, decides by policy, and carries.

use bunker_sys::inet::message::Manner;
use bunker_sys::{SysError, SysResult, inet};
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::attempts::Attempts;
use super::channel::{Inbox, Outbox};
use super::connections::Connections;
use super::datagrams::Datagrams;
use super::device::Device;
use super::echoes::Echoes;
use super::flow::Source;
use super::fragments::Fragments;
use super::inward::InwardCommand;
use super::packet::build::Reason;
use super::packet::{Body, Fragment, Packet, parse, parse_body, source};
use super::policy::{Owner, Verdict};
use super::published::Published;
use super::spare::Spare;
use super::waiting::Waiting;
use super::watch::{News, Purpose, Watch};
use super::{Command, Shared};

/// Connections taken in one turn: others wait meanwhile.
const MOST_AT_ONCE: usize = 256;
/// Packets read in one turn: half of what the tun holds. More would only keep us from those that were read.
const MOST_READ: usize = 4096;
/// Packets acted on in one turn.
const MOST_ACTED_ON: usize = 64;
/// The largest IP packet.
const LONGEST_PACKET: usize = 65_535;
const ENODEV: i32 = 19;
/// How often what has waited too long is looked for.
const TIDY: Duration = Duration::from_secs(1);

/// What the thread is made of.
pub(crate) struct OutwardParts {
    pub(crate) device: Device,
    pub(crate) listeners: Vec<OwnedFd>,
    pub(crate) connections: Connections,
    pub(crate) inbox: Inbox<Command>,
    pub(crate) inward: Outbox<InwardCommand>,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Outward {
    watch: Watch,
    parts: OutwardParts,
    spare: Spare,
    attempts: Attempts,
    datagrams: Datagrams,
    echoes: Echoes,
    fragments: Fragments,
    published: Published,
    waiting: Waiting,
    buffer: Vec<u8>,
    tidied: Instant,
}

impl Outward {
    pub(crate) fn new(parts: OutwardParts) -> SysResult<Self> {
        let watch = Watch::new()?;
        watch.readable(parts.inbox.fd(), Purpose::Command, 0)?;
        watch.readable(parts.device.fd(), Purpose::Tun, 0)?;
        for (index, listener) in parts.listeners.iter().enumerate() {
            watch.readable(listener.as_fd(), Purpose::Listener, index as u64)?;
        }
        Ok(Self {
            watch,
            parts,
            spare: Spare::new()?,
            attempts: Attempts::new(),
            datagrams: Datagrams::new(),
            echoes: Echoes::new(),
            fragments: Fragments::new(),
            published: Published::new(),
            waiting: Waiting::default(),
            buffer: vec![0; LONGEST_PACKET],
            tidied: Instant::now(),
        })
    }

    /// Carries until it is told to stop. An error is one of our own descriptors': nothing can be carried any more.
    pub(crate) fn run(mut self) -> SysResult<()> {
        loop {
            for news in self.watch.wait(self.deadline())? {
                if news.purpose == Purpose::Command {
                    if !self.obey() {
                        return Ok(());
                    }
                    continue;
                }
                if news.purpose == Purpose::Tun && news.readiness.broken {
                    // Somebody has removed the device: it would be announced for ever.
                    return Err(SysError::new("read(tun)", ENODEV));
                }
                self.note(&news);
            }
            self.act();
            self.parts.connections.turn();
            self.pass_time();
            self.count();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let work = (self.parts.connections.has_due() || !self.waiting.is_empty()).then_some(now);
        let tidy = self.has_what_expires().then_some(now + TIDY);
        work.or(tidy)
    }

    fn has_what_expires(&self) -> bool {
        let lengths = [self.datagrams.len(), self.echoes.len(), self.published.len()];
        lengths.iter().any(|length| *length > 0) || !self.attempts.is_empty() || !self.fragments.is_empty()
    }

    fn note(&mut self, news: &News) {
        let (number, readiness) = (news.number, news.readiness);
        let desk = (&mut self.parts.device, &mut self.buffer[..]);
        match news.purpose {
            Purpose::Datagrams => self.datagrams.note(number, readiness, desk),
            Purpose::Echo => self.echoes.note(number, readiness, desk),
            Purpose::Port => self.receive_published(number),
            Purpose::Client => self.published.note(number, &mut self.buffer),
            Purpose::Tun => self.read_packets(),
            Purpose::Listener => self.accept(news.number),
            Purpose::Attempt => self.attempts.note(news.number, &mut self.parts.device),
            Purpose::FirstSide => self.parts.connections.note(news.number, false, news.readiness),
            Purpose::SecondSide => self.parts.connections.note(news.number, true, news.readiness),
            Purpose::Command => {}
        }
    }

    /// Does what the owner says. Whether to go on.
    fn obey(&mut self) -> bool {
        while let Some(command) = self.parts.inbox.next() {
            match command {
                Command::Stop => return false,
                Command::Forget(source) => self.forget(source),
                Command::Publish(number, port) => self.published.publish(number, port, &self.watch),
                Command::Unpublish(number, _done) => self.published.unpublish(number),
                Command::Client(number, socket) => self.published.place(number, socket, &self.watch),
            }
        }
        true
    }

    fn forget(&mut self, source: IpAddr) {
        self.waiting.forget(source);
        self.attempts.forget(source);
        self.parts.connections.forget(source);
        self.datagrams.forget(source);
        self.echoes.forget(source);
        self.fragments.forget(source);
        self.published.forget(source);
    }

    fn pass_time(&mut self) {
        let now = Instant::now();
        if now - self.tidied >= TIDY {
            self.tidied = now;
            self.attempts.expire(now);
            self.datagrams.expire(now);
            self.echoes.expire(now);
            self.fragments.expire(now);
            self.published.expire(now);
        }
    }

    fn count(&self) {
        let counts = &self.parts.shared.counts;
        counts.attempts.store(self.attempts.len(), Ordering::Relaxed);
        counts.outward.store(self.parts.connections.len(), Ordering::Relaxed);
        counts.datagrams.store(self.datagrams.len(), Ordering::Relaxed);
        counts.echoes.store(self.echoes.len(), Ordering::Relaxed);
        counts.clients.store(self.published.len(), Ordering::Relaxed);
    }

    fn read_packets(&mut self) {
        let sources = self.parts.shared.sources();
        for _ in 0..MOST_READ {
            let Some(count) = self.parts.device.read(&mut self.buffer) else { break };
            let packet = self.buffer.get(..count).unwrap_or_default();
            // Nobody we know gets not even an answer.
            if let Some(permission) = source(packet).and_then(|source| sources.permission(source)) {
                self.waiting.push(permission.owner, packet);
            }
        }
    }

    /// Does what packets want.
    fn act(&mut self) {
        for _ in 0..MOST_ACTED_ON {
            let Some(bytes) = self.waiting.pop() else { return };
            if let Some(packet) = parse(&bytes) {
                self.carry(&packet);
            }
        }
    }

    fn carry(&mut self, packet: &Packet<'_>) {
        if let (Body::Udp(datagram), Some(ends)) = (packet.body, packet.ends())
            && self.published.reply(ends, datagram.payload)
        {
            return;
        }
        let sources = self.parts.shared.sources();
        // Forgotten while it waited.
        let Some(permission) = sources.permission(packet.source) else { return };
        let verdict = sources.judge(permission, packet.destination);
        drop(sources);
        let source = Source { owner: permission.owner, address: packet.source };
        let desk = (&mut self.parts.device, &mut self.watch);
        match (verdict, packet.body) {
            (_, Body::Fragment(piece)) => self.assemble((source.owner, packet), &piece),
            // The kernel of N did not find its socket. It looks once more when it comes from the tun, and then rejects it.
            (_, Body::Tcp(segment)) if !segment.is_bare_syn => desk.0.write(packet.whole),
            (_, Body::Other) => {}
            (Verdict::NoRoute, _) => desk.0.error(Reason::NoRoute, packet),
            (Verdict::Prohibited, _) => desk.0.error(Reason::Prohibited, packet),
            (Verdict::To(outside), Body::Tcp(segment)) => {
                self.attempts.begin((packet, segment), (source, outside), desk)
            }
            (Verdict::To(outside), Body::Echo(echo)) => self.echoes.send((packet, echo), (source, outside), desk),
            (Verdict::To(outside), Body::Udp(datagram)) => {
                if let Some(ends) = packet.ends() {
                    self.datagrams.send((ends, packet.manner, datagram.payload), (source, outside), desk);
                }
            }
        }
    }

    fn assemble(&mut self, (owner, packet): (Owner, &Packet<'_>), piece: &Fragment<'_>) {
        let Some(whole) = self.fragments.add((owner, packet), piece, Instant::now()) else { return };
        let body = parse_body(piece.protocol, &whole, (packet.source, packet.destination));
        // Nobody cuts TCP, and what has been put together is no piece.
        if let Some(body @ (Body::Udp(_) | Body::Echo(_))) = body {
            self.carry(&Packet { body, manner: Manner { is_uncut: false, ..packet.manner }, ..*packet });
        }
    }

    fn receive_published(&mut self, number: u64) {
        let sources = self.parts.shared.sources();
        let desk = (&mut self.parts.device, &mut self.watch, &mut self.buffer[..]);
        let wanted = self.published.receive(number, desk, &sources);
        for wanted in wanted {
            self.parts.inward.send(InwardCommand::Client(wanted));
        }
    }

    fn accept(&mut self, index: u64) {
        let Some(listener) = usize::try_from(index).ok().and_then(|index| self.parts.listeners.get(index)) else {
            return;
        };
        for _ in 0..MOST_AT_ONCE {
            let Some((socket, client)) = self.spare.accept(listener.as_fd()) else { return };
            let wanted = inet::local_address(socket.as_fd()).ok();
            match wanted.and_then(|wanted| self.attempts.take((client, wanted))) {
                Some((outside, source)) => self.parts.connections.join(&mut self.watch, (socket, outside), source),
                // Forgotten meanwhile, or nobody's: it must not look as if the destination had answered.
                None => drop(inet::reset_on_close(socket.as_fd())),
            }
        }
    }
}
