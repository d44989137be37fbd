//! The network keeper's loop: keepers, what they ask, and the ends of containers whose keepers are gone.

use bunker_network::namespace;
use bunker_runtime::spec::WayOut;
use bunker_runtime::userns::{self, Membership};
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::poll::{self, Watch};
use bunker_sys::socket::{self, Arrival, Inbox};
use bunker_sys::{file, lock, process};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use super::confine::{Confined, Places, confine};
use super::ground::Ground;
use super::names::RESOLV_CONF;
use super::protocol::{self, Request, START_LOCK};
use super::world::World;

/// How long it waits for another container after the last: setting all up again takes longer than starting one.
const LINGER: Duration = Duration::from_secs(1);
const FOR_EVER: i32 = -1;

pub struct Service {
    /// Why there is none, and everybody is told.
    world: Result<World, Failure>,
    directory: String,
    base: Option<Base>,
    connections: Vec<Connection>,
    /// While there is no container.
    idle_since: Option<Instant>,
}

/// What it stands on.
struct Base {
    listener: OwnedFd,
    _membership: Membership,
    _confined: Confined,
}

/// Takes its place and N, and locks itself in before it hears anybody there: an old N is full of what containers did.
fn begin(
    kept: Option<OwnedFd>,
    (user_runtime_dir, ways_out): (&str, &[WayOut]),
    directory: &str,
) -> Result<(Ground, Base), Failure> {
    let membership = userns::register(user_runtime_dir)?;
    let inside = kept.map_or_else(namespace::make, Ok)?;
    let ground = Ground::lay(inside, ways_out)?;
    let listener = socket::listen_control(directory)?;
    let places = Places { user_runtime_dir, directory, resolv_conf: RESOLV_CONF };
    let confined = confine(&places).inspect_err(|_| leave(directory))?;
    Ok((ground, Base { listener, _membership: membership, _confined: confined }))
}

/// Nobody finds us any more.
fn leave(directory: &str) {
    let _ = file::remove(&format!("{directory}/ctl"));
}

/// One keeper.
struct Connection {
    channel: OwnedFd,
    inbox: Inbox,
    container: Option<String>,
    is_gone: bool,
}

/// What a watched descriptor stands for.
enum Token {
    Listener,
    Connection(usize),
    End(String),
    Names(u64),
    WayOut,
}

impl Service {
    /// `channel` leads to the keeper that started us; `kept` is N if another network keeper left one.
    pub fn new(channel: OwnedFd, kept: Option<OwnedFd>, (user_runtime_dir, ways_out): (&str, &[WayOut])) -> Self {
        let directory = format!("{user_runtime_dir}/{}", protocol::DIRECTORY);
        let (world, base) = match begin(kept, (user_runtime_dir, ways_out), &directory) {
            Ok((ground, base)) => (World::new(ground), Some(base)),
            Err(failure) => (Err(failure), None),
        };
        let mut service = Self { world, directory, base, connections: Vec::new(), idle_since: None };
        service.welcome(channel);
        service
    }

    fn welcome(&mut self, channel: OwnedFd) {
        let is_gone = file::set_nonblocking(channel.as_fd()).is_err();
        self.connections.push(Connection { channel, inbox: Inbox::default(), container: None, is_gone });
    }

    /// Serves until there has been no container for a while.
    pub fn run(mut self) {
        loop {
            self.note_idleness();
            if self.is_over() && self.close() {
                return;
            }
            let (mut watches, tokens) = self.watches();
            if poll::wait(&mut watches, self.timeout()).is_err() {
                // As if killed: the keepers start another.
                process::exit(1);
            }
            for (watch, token) in watches.iter().zip(tokens) {
                if watch.has_event() {
                    self.handle(&token);
                }
            }
            if let Ok(world) = &mut self.world {
                world.names.tick();
                world.clear_away();
                if !world.is_whole() {
                    process::exit(1);
                }
            }
            self.connections.retain(|connection| !connection.is_gone);
        }
    }

    fn note_idleness(&mut self) {
        let is_idle = self.world.as_ref().map_or(true, World::is_empty);
        self.idle_since = is_idle.then(|| self.idle_since.unwrap_or_else(Instant::now));
    }

    fn is_over(&self) -> bool {
        match self.world {
            Err(_) => self.connections.is_empty(),
            Ok(_) => self.idle_since.is_some_and(|since| since.elapsed() >= LINGER),
        }
    }

    fn timeout(&self) -> i32 {
        let idle = self.idle_since.map(|since| since + LINGER);
        let world = self.world.as_ref().ok();
        let names = world.and_then(|world| world.names.deadline());
        let next = idle.into_iter().chain(names).chain(world.and_then(World::deadline)).min();
        let left = next.map(|at| at.saturating_duration_since(Instant::now()));
        // Rounded up: else the last millisecond is spun away.
        left.map_or(FOR_EVER, |left| i32::try_from(left.as_millis()).unwrap_or(FOR_EVER).saturating_add(1))
    }

    /// Leaves nothing in the runtime directory. Not while somebody comes, or is about to start another; who comes too late finds
    /// nobody, and starts one.
    fn close(&mut self) -> bool {
        let place = format!("{}/{START_LOCK}", self.directory);
        let held = lock::acquire(&place);
        self.accept();
        let is_wanted = self.connections.iter().any(|connection| connection.container.is_none());
        if matches!(held, Ok(None)) || (is_wanted && self.world.is_ok()) {
            self.idle_since = None;
            return false;
        }
        if self.base.is_some() {
            leave(&self.directory);
        }
        let _ = file::remove(&place);
        let _ = std::fs::remove_dir(&self.directory);
        true
    }

    fn watches(&self) -> (Vec<Watch>, Vec<Token>) {
        let mut list = Vec::new();
        list.extend(self.base.as_ref().map(|base| (Watch::new(base.listener.as_fd(), true, false), Token::Listener)));
        for (at, connection) in self.connections.iter().enumerate() {
            list.push((Watch::new(connection.channel.as_fd(), true, false), Token::Connection(at)));
        }
        if let Ok(world) = &self.world {
            let names = world.names.interests().into_iter();
            list.extend(names.map(|interest| {
                let watch = Watch::new(interest.fd, interest.is_readable_wanted, interest.is_writable_wanted);
                (watch, Token::Names(interest.token))
            }));
            list.extend(world.end_of_way_out().map(|end| (Watch::new(end, true, false), Token::WayOut)));
            list.extend(world.ends().map(|(id, end)| (Watch::new(end, true, false), Token::End(id.clone()))));
        }
        list.into_iter().unzip()
    }

    fn handle(&mut self, token: &Token) {
        match token {
            Token::Listener => self.accept(),
            Token::Connection(at) => self.serve(*at),
            Token::Names(token) => {
                if let Ok(world) = &mut self.world {
                    world.names.ready(*token);
                }
            }
            // As if killed: the keepers start another, with another.
            Token::WayOut => process::exit(1),
            Token::End(id) => {
                if let Ok(world) = &mut self.world {
                    world.leave(id);
                }
            }
        }
    }

    fn accept(&mut self) {
        while let Some(Ok(Some(channel))) = self.base.as_ref().map(|base| socket::accept(base.listener.as_fd())) {
            self.welcome(channel);
        }
    }

    fn serve(&mut self, at: usize) {
        while let Some(connection) = self.connections.get_mut(at) {
            let (body, fds) = match connection.inbox.receive(connection.channel.as_fd()) {
                Ok(Arrival::Frame { body, fds }) => (body, fds),
                Ok(Arrival::Later) => return,
                Ok(Arrival::Ended) | Err(_) => {
                    connection.is_gone = true;
                    return;
                }
            };
            let asked = protocol::parse(&body);
            let joins = matches!(asked, Ok(Request::Join { .. }));
            let outcome = asked.and_then(|request| answer(&mut self.world, connection, request, fds));
            let text = protocol::reply(&outcome);
            let sent = match (&self.world, joins && outcome.is_ok()) {
                (Ok(world), true) => socket::send_frame_with(connection.channel.as_fd(), &text, world.namespace()),
                _ => socket::send_frame(connection.channel.as_fd(), &text),
            };
            connection.is_gone = !sent;
        }
    }
}

fn answer(
    world: &mut Result<World, Failure>,
    connection: &mut Connection,
    request: Request,
    fds: Vec<OwnedFd>,
) -> Result<(), Failure> {
    let world = world.as_mut().map_err(|failure| failure.clone())?;
    let own = || connection.container.as_deref().ok_or_else(|| refused("it has joined no network"));
    match request {
        Request::Join { container, again, .. } => {
            let [namespace, pidfd] = <[OwnedFd; 2]>::try_from(fds).map_err(|_| refused("no container came with it"))?;
            world.join(&container, again, (namespace, pidfd))?;
            connection.container = Some(container.id);
            Ok(())
        }
        Request::Connect { network } => world.connect(own()?, &network),
        Request::Disconnect { bridge } => world.disconnect(own()?, &bridge),
        Request::Leave => {
            world.leave(own()?);
            Ok(())
        }
    }
}

fn refused(why: &str) -> Failure {
    Failure::new(FailureCode::BadRequest, format!("a request to the network keeper: {why}"))
}
