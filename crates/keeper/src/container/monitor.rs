//! The keeper's loop: clients, the container's process and its execs, their streams, and the end.
//!
//! The order of the end is what readers rely on: everything the process wrote is in the log, then the exit record is there, then
//! the lock is free, then clients are told; unmounting and removing come last, when nobody waits for them.

mod lifecycle;
mod networks;
mod patience;

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use bunker_runtime::sandbox::{JoinTarget, OpenNamespaces, Sandbox, entered_namespaces, join};
use bunker_runtime::spec::{ExecSpec, SandboxSpec};
use bunker_runtime::userns::Membership;
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::poll::{self, Watch};
use bunker_sys::{file, socket};

use super::bridge::Bridge;
use super::client::Client;
use super::group::Group;
use super::log::Log;
use super::protocol::{self, Request, Streams};
use super::record::State;
use super::root::RootHelper;
use super::session::{Ends, Session};
use super::stream::{CHUNK, Typed};
use crate::companion::Helper;

/// The container's own process among the sessions; execs follow.
const MAIN: u32 = 0;

/// Everything about the one container.
pub struct Monitor {
    /// The container is locked for as long as this is open.
    lock: Option<OwnedFd>,
    /// Our place in U, once we are there.
    membership: Option<Membership>,
    listener: Option<OwnedFd>,
    clients: Vec<Client>,
    next_client: u64,
    sessions: BTreeMap<u32, Session>,
    next_session: u32,
    container: Option<Container>,
    /// What says that the container lives; known once one was asked for, taken back at its end.
    runtime_dir: Option<String>,
    phase: Phase,
    doomed: Doomed,
    /// While there is something of ours in the trash.
    trash_share: Option<OwnedFd>,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing asked for yet.
    New,
    /// Whole, waiting for the start.
    Created,
    Running,
    /// Ended, or never came to be: clients are still being told.
    Over,
}

/// What belongs to a container that exists.
struct Container {
    spec: SandboxSpec,
    state: State,
    log: Log,
    /// Until it is started.
    waiting: Option<Sandbox>,
    /// Closed last: with the mount namespace goes the overlay.
    namespaces: Option<OpenNamespaces>,
    helper: Option<Helper>,
    root_helper: Option<RootHelper>,
    bridge: Option<Bridge>,
    group: Option<Group>,
    /// When its process is killed (`--timeout`).
    deadline: Option<Instant>,
}

/// What is removed with the container.
#[derive(Default)]
struct Doomed {
    trash: String,
    paths: Vec<String>,
}

/// What a watched descriptor stands for.
#[derive(Clone, Copy)]
enum Token {
    Listener,
    Network,
    Client(u64),
    End(u32),
    Source(u32, usize),
    Sink(u32, usize, usize),
    Typing(u32, u64),
    Target(u32),
}

impl Monitor {
    /// `channel` leads to the command that started us.
    pub fn new(channel: OwnedFd) -> Self {
        Self {
            lock: None,
            membership: None,
            listener: None,
            clients: vec![Client::new(0, channel)],
            next_client: 1,
            sessions: BTreeMap::new(),
            next_session: MAIN + 1,
            container: None,
            runtime_dir: None,
            phase: Phase::New,
            doomed: Doomed::default(),
            trash_share: None,
            buffer: Vec::new(),
        }
    }

    /// Serves until the container has ended and everybody knows.
    pub fn run(mut self) {
        while !self.is_done() {
            let (mut watches, tokens) = self.watches();
            if poll::wait(&mut watches, self.timeout()).is_err() {
                // As if killed, taking nothing back: the container lives, and the next command gives it a new keeper.
                bunker_sys::process::exit(1);
            }
            if !watches.iter().any(Watch::has_event) {
                self.buffer = Vec::new();
            }
            for (watch, token) in watches.iter().zip(tokens) {
                if watch.has_event() {
                    self.handle(token);
                }
            }
            self.give_up_waiting();
            self.forget_gone();
            self.tell_ends();
        }
        self.clear_away();
    }

    /// Over, and nobody is owed anything; or given up by the command before it began.
    fn is_done(&self) -> bool {
        match self.phase {
            Phase::New => self.clients.is_empty(),
            Phase::Created => !self.clients.iter().any(|client| client.id == 0),
            Phase::Running => false,
            Phase::Over => self.clients.is_empty(),
        }
    }

    fn watches(&self) -> (Vec<Watch>, Vec<Token>) {
        let mut list = Vec::new();
        if let Some(listener) = &self.listener {
            list.push((Watch::new(listener.as_fd(), true, false), Token::Listener));
        }
        list.extend(self.bridge().and_then(Bridge::watch).map(|watch| (watch, Token::Network)));
        list.extend(self.clients.iter().map(|client| (client.watch(), Token::Client(client.id))));
        for (&key, session) in &self.sessions {
            list.extend(session.pidfd_watch().map(|watch| (watch, Token::End(key))));
            for (at, output) in session.outputs.iter().enumerate() {
                list.extend(output.source_watch().map(|watch| (watch, Token::Source(key, at))));
                list.extend(output.sink_watches().map(|(sink, watch)| (watch, Token::Sink(key, at, sink))));
            }
            if let Some(input) = &session.input {
                list.extend(input.source_watches().map(|(client, watch)| (watch, Token::Typing(key, client))));
                list.extend(input.target_watch().map(|watch| (watch, Token::Target(key))));
            }
        }
        list.into_iter().unzip()
    }

    fn handle(&mut self, token: Token) {
        if !matches!(token, Token::Listener | Token::Network | Token::Client(_)) {
            self.buffer.resize(CHUNK, 0);
        }
        match token {
            Token::Listener => self.accept(),
            Token::Network => self.heal_network(),
            Token::Client(id) => self.serve(id),
            Token::End(key) => self.observe_end(key),
            Token::Source(key, at) => self.pump(key, at),
            Token::Sink(key, at, sink) => {
                let gone = self
                    .sessions
                    .get_mut(&key)
                    .and_then(|session| session.outputs.get_mut(at))
                    .map(|output| output.flush(sink));
                self.output_closed(gone.unwrap_or_default());
            }
            Token::Typing(key, client) => self.pump_input(key, client),
            Token::Target(key) => {
                if let Some(input) = self.sessions.get_mut(&key).and_then(|session| session.input.as_mut()) {
                    input.flush();
                }
            }
        }
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        while let Ok(Some(channel)) = socket::accept(listener.as_fd()) {
            self.clients.push(Client::new(self.next_client, channel));
            self.next_client += 1;
        }
    }

    fn pump(&mut self, key: u32, at: usize) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Some(output) = session.outputs.get_mut(at) else { return };
        let log = self.container.as_mut().map(|container| &mut container.log).filter(|_| key == MAIN);
        let gone = match log {
            Some(log) => output.pump(&mut self.buffer, |stream, bytes| log.append(stream, bytes)),
            None => output.pump(&mut self.buffer, |_, _| {}),
        };
        self.output_closed(gone.unwrap_or_default());
    }

    fn pump_input(&mut self, key: u32, id: u64) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Some(input) = &mut session.input else { return };
        if !matches!(input.pump(id, &mut self.buffer), Typed::Detach) {
            return;
        }
        session.remove_client(id);
        if let Some(client) = self.clients.iter_mut().find(|client| client.id == id) {
            client.send(&protocol::detached());
            client.session = None;
        }
    }

    /// The reader of a client's standard output has gone: it is for the client to decide what that means.
    fn output_closed(&mut self, clients: Vec<u64>) {
        for id in clients {
            if let Some(client) = self.clients.iter_mut().find(|client| client.id == id) {
                client.send(&protocol::output_closed());
            }
        }
    }

    fn serve(&mut self, id: u64) {
        while let Some(at) = self.clients.iter().position(|client| client.id == id) {
            let Some((body, fds)) = self.clients[at].receive() else { return };
            let outcome = protocol::parse(&body).and_then(|request| self.answer(id, request, fds));
            if let Some(client) = self.clients.iter_mut().find(|client| client.id == id) {
                client.send(&protocol::reply(&outcome));
            }
        }
    }

    fn answer(&mut self, id: u64, request: Request, fds: Vec<OwnedFd>) -> Result<(), Failure> {
        match request {
            Request::Enter { user_namespace, user_runtime_dir } => self.enter(&user_namespace, &user_runtime_dir),
            Request::Create { spec } => self.create(*spec, fds),
            Request::Start => self.start(),
            Request::Adopt { spec, state } => self.adopt(*spec, state, fds),
            Request::ProbeRelay => crate::network::probe_relay(),
            Request::Tidy { trash, paths } => {
                self.doomed = Doomed { trash, paths };
                Ok(())
            }
            Request::Attach(streams) => self.attach(id, MAIN, &streams, fds),
            Request::Exec { spec, detach, streams } => self.exec(id, &spec, ((!detach).then_some(&streams), fds)),
            Request::Connect { network } => self.change_networks(|bridge| bridge.connect(*network)),
            Request::Disconnect { bridge: gone } => self.change_networks(|bridge| bridge.disconnect(&gone)),
            Request::Rename { name } => self.change_networks(|bridge| {
                bridge.rename(name);
                Ok(())
            }),
            Request::Wait => {
                self.main_session()?;
                self.client(id).waits = true;
                Ok(())
            }
            Request::Signal { signal } => {
                let key = self.client(id).session.unwrap_or(MAIN);
                self.running(key)?.signal(signal).map_err(|error| {
                    Failure::system(FailureCode::NotRunning, &format!("sending signal {signal}"), &error)
                })
            }
            Request::Resize { rows, columns } => {
                let key = self.client(id).session.unwrap_or(MAIN);
                self.running(key)?.resize(rows, columns)
            }
        }
    }

    /// A client that is being served is there.
    fn client(&mut self, id: u64) -> &mut Client {
        let at = self.clients.iter().position(|client| client.id == id).unwrap_or(0);
        &mut self.clients[at]
    }

    fn main_session(&self) -> Result<(), Failure> {
        if self.sessions.contains_key(&MAIN) && self.phase != Phase::Over { Ok(()) } else { Err(not_running()) }
    }

    fn running(&self, key: u32) -> Result<&Session, Failure> {
        self.sessions.get(&key).filter(|session| session.end().is_none()).ok_or_else(not_running)
    }

    fn attach(&mut self, id: u64, key: u32, streams: &Streams, fds: Vec<OwnedFd>) -> Result<(), Failure> {
        let session = self.sessions.get_mut(&key).filter(|session| session.end().is_none()).ok_or_else(not_running)?;
        session.attach(id, streams, fds)?;
        self.client(id).session = Some(key);
        Ok(())
    }

    /// `streams`: the caller's; without them nobody waits for it. Behind their descriptors come those that the process keeps.
    fn exec(
        &mut self,
        id: u64,
        wanted: &ExecSpec,
        (streams, mut fds): (Option<&Streams>, Vec<OwnedFd>),
    ) -> Result<(), Failure> {
        if self.phase != Phase::Running {
            return Err(not_running());
        }
        let (Some(container), Some(main)) = (&self.container, self.sessions.get(&MAIN)) else {
            return Err(not_running());
        };
        let mut ends = Ends::pipes(&wanted.process)?;
        let kept = fds.split_off(fds.len().saturating_sub(wanted.process.kept_fds.len()));
        let handed = ends.take_theirs(kept);
        let cgroup = container.group.as_ref().map(|group| group.directory.as_fd());
        let namespaces = entered_namespaces(&container.spec);
        let target = JoinTarget { spec: &container.spec, pidfd: main.pidfd.as_fd(), cgroup, namespaces };
        let mut member = join(&target, &wanted.process, &handed)?;
        drop(handed);
        let pidfd = file::duplicate(member.pidfd.as_fd())?;
        let session = Session::new((member.pid, pidfd), member.terminal.take(), ends, true)?;
        let key = self.next_session;
        self.next_session += 1;
        self.sessions.insert(key, session);
        match streams {
            Some(streams) => self.attach(id, key, streams, fds),
            None => Ok(()),
        }
    }

    fn observe_end(&mut self, key: u32) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let log = self.container.as_mut().map(|container| &mut container.log).filter(|_| key == MAIN);
        let ended = match log {
            Some(log) => session.observe_end(&mut self.buffer, |stream, bytes| log.append(stream, bytes)),
            None => session.observe_end(&mut self.buffer, |_, _| {}),
        };
        let Ok(Some(gone)) = ended else { return };
        self.output_closed(gone);
        if key == MAIN {
            self.conclude();
        }
    }

    fn forget_gone(&mut self) {
        let sessions = &mut self.sessions;
        self.clients.retain(|client| {
            if client.is_gone {
                for session in sessions.values_mut() {
                    session.remove_client(client.id);
                }
            }
            !client.is_gone
        });
    }

    /// Tells each client the end it waits for, once it has all output; forgets execs that nobody waits for any more.
    fn tell_ends(&mut self) {
        let is_over = self.phase == Phase::Over;
        for client in &mut self.clients {
            let Some(key) = client.session.or(client.waits.then_some(MAIN)) else { continue };
            let Some(session) = self.sessions.get(&key) else { continue };
            let Some(end) = session.end().filter(|_| key != MAIN || is_over) else { continue };
            if session.is_flushed_to(client.id) {
                client.send(&protocol::exited(end));
                client.session = None;
                client.waits = false;
            }
        }
        let clients = &self.clients;
        self.sessions.retain(|&key, session| {
            key == MAIN || session.end().is_none() || clients.iter().any(|client| client.session == Some(key))
        });
        if is_over {
            // After a start that failed, whoever asked for it still has requests under way, and closes when they are answered.
            let failed = !self.sessions.contains_key(&MAIN);
            self.clients.retain(|client| client.session.is_some() || client.waits || (failed && client.id == 0));
        }
    }
}

fn not_running() -> Failure {
    Failure::new(FailureCode::NotRunning, "the container is not running")
}
