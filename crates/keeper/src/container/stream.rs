//! How bytes travel between the container's process and whoever is attached: endpoints that never make the keeper wait, and
//! outputs and inputs that hold back while somebody is slow.

use std::os::fd::{AsFd, OwnedFd};

use bunker_sys::file::{self, Transfer};
use bunker_sys::path::{self, O_NOCTTY, O_NONBLOCK};
use bunker_sys::poll::Watch;

use super::detach_keys::DetachKeys;
use super::log::Stream;

/// What one read takes at most: a pipe's capacity.
pub const CHUNK: usize = 64 * 1024;
/// A pipe that says it is writable has room for this much (pipe(7), PIPE_BUF).
const PIPE_BUF: usize = 4096;

/// A descriptor of somebody else's, used without changing the flags that its other users see.
struct Endpoint {
    fd: OwnedFd,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of our own (or opened anew): returns at once.
    NonBlocking,
    Socket,
    /// Files and devices that never wait for anybody.
    Ready,
    /// A pipe or terminal that we may not open anew: small pieces, when poll says so.
    Careful,
}

impl Endpoint {
    fn own(fd: OwnedFd) -> Self {
        // A descriptor that cannot be made non-blocking would make us wait: that has not been seen.
        let _ = file::set_nonblocking(fd.as_fd());
        Self { fd, kind: Kind::NonBlocking }
    }

    fn foreign(fd: OwnedFd, flags: i32) -> Self {
        let Ok(status) = path::status(fd.as_fd()) else { return Self { fd, kind: Kind::Careful } };
        match status.kind() {
            path::S_IFSOCK => Self { fd, kind: Kind::Socket },
            path::S_IFIFO | path::S_IFCHR => match file::reopen(fd.as_fd(), flags | O_NONBLOCK | O_NOCTTY) {
                Ok(anew) => Self { fd: anew, kind: Kind::NonBlocking },
                Err(_) => Self { fd, kind: Kind::Careful },
            },
            _ => Self { fd, kind: Kind::Ready },
        }
    }

    fn read(&self, buffer: &mut [u8]) -> Transfer {
        // A read error of a stream is its end: there is nobody to tell more.
        let result = if self.kind == Kind::Socket {
            file::receive(self.fd.as_fd(), buffer)
        } else {
            file::read(self.fd.as_fd(), buffer)
        };
        result.unwrap_or(Transfer::Ended)
    }

    fn write(&self, bytes: &[u8]) -> Transfer {
        let result = match self.kind {
            Kind::Socket => file::send(self.fd.as_fd(), bytes),
            Kind::Careful => file::write(self.fd.as_fd(), &bytes[..bytes.len().min(PIPE_BUF)]),
            Kind::NonBlocking | Kind::Ready => file::write(self.fd.as_fd(), bytes),
        };
        result.unwrap_or(Transfer::Ended)
    }
}

/// One attached reader of an output.
struct Sink {
    client: u64,
    endpoint: Endpoint,
    /// What it has not taken yet.
    pending: Vec<u8>,
}

impl Sink {
    /// False: nobody reads any more.
    fn offer(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        if self.pending.is_empty() {
            while !rest.is_empty() {
                match self.endpoint.write(rest) {
                    Transfer::Done(count) => rest = &rest[count..],
                    Transfer::Later => break,
                    Transfer::Ended => return false,
                }
                if self.endpoint.kind == Kind::Careful {
                    break;
                }
            }
        }
        self.pending.extend_from_slice(rest);
        true
    }

    fn flush(&mut self) -> bool {
        let pending = std::mem::take(&mut self.pending);
        self.offer(&pending)
    }
}

/// One output of a process: read when all its readers have taken what came before.
pub struct Output {
    source: Option<Endpoint>,
    pub stream: Stream,
    sinks: Vec<Sink>,
}

impl Output {
    /// Reads from a descriptor that is ours alone.
    pub fn new(source: OwnedFd, stream: Stream) -> Self {
        Self { source: Some(Endpoint::own(source)), stream, sinks: Vec::new() }
    }

    pub fn add_sink(&mut self, client: u64, fd: OwnedFd) {
        const O_WRONLY: i32 = path::O_WRONLY;
        self.sinks.push(Sink { client, endpoint: Endpoint::foreign(fd, O_WRONLY), pending: Vec::new() });
    }

    pub fn remove_client(&mut self, client: u64) {
        self.sinks.retain(|sink| sink.client != client);
    }

    pub fn source_watch(&self) -> Option<Watch> {
        let source = self.source.as_ref()?;
        self.is_flushed().then(|| Watch::new(source.fd.as_fd(), true, false))
    }

    /// Watches of readers that are behind, each with its place.
    pub fn sink_watches(&self) -> impl Iterator<Item = (usize, Watch)> {
        self.sinks
            .iter()
            .enumerate()
            .filter(|(_, sink)| !sink.pending.is_empty())
            .map(|(at, sink)| (at, Watch::new(sink.endpoint.fd.as_fd(), false, true)))
    }

    /// Whether every reader has everything.
    pub fn is_flushed(&self) -> bool {
        self.sinks.iter().all(|sink| sink.pending.is_empty())
    }

    /// Whether this client has everything that came so far.
    pub fn is_flushed_to(&self, client: u64) -> bool {
        self.sinks.iter().all(|sink| sink.client != client || sink.pending.is_empty())
    }

    /// Reads once and passes it on; clients whose reader has gone come back. `None`: nothing was there.
    pub fn pump(&mut self, buffer: &mut [u8], mut keep: impl FnMut(Stream, &[u8])) -> Option<Vec<u64>> {
        let source = self.source.as_ref()?;
        match source.read(buffer) {
            Transfer::Later => None,
            Transfer::Ended => {
                self.source = None;
                None
            }
            Transfer::Done(count) => {
                keep(self.stream, &buffer[..count]);
                Some(self.retain(|sink| sink.offer(&buffer[..count])))
            }
        }
    }

    /// Passes on what a reader had no room for.
    pub fn flush(&mut self, at: usize) -> Vec<u64> {
        let mut index = 0;
        self.retain(|sink| {
            index += 1;
            index - 1 != at || sink.flush()
        })
    }

    fn retain(&mut self, mut alive: impl FnMut(&mut Sink) -> bool) -> Vec<u64> {
        let mut gone = Vec::new();
        self.sinks.retain_mut(|sink| {
            let lives = alive(sink);
            if !lives {
                gone.push(sink.client);
            }
            lives
        });
        gone
    }

    pub fn close_source(&mut self) {
        self.source = None;
    }
}

/// The standard input of a process: the writing end that the keeper alone holds, and who types.
pub struct Input {
    target: Option<Endpoint>,
    typists: Vec<Typist>,
    pending: Vec<u8>,
    /// Closed when the first client that gave one ends.
    once: bool,
    /// That client has ended: to be closed when all it typed is passed on.
    is_ending: bool,
}

/// A client whose input goes to the process; several take turns as they type.
struct Typist {
    client: u64,
    endpoint: Endpoint,
    keys: DetachKeys,
}

/// What became of a client's input.
pub enum Typed {
    Passed,
    Detach,
}

impl Input {
    pub fn new(target: OwnedFd, once: bool) -> Self {
        Self { target: Some(Endpoint::own(target)), typists: Vec::new(), pending: Vec::new(), once, is_ending: false }
    }

    pub fn connect(&mut self, client: u64, fd: OwnedFd, keys: DetachKeys) {
        self.typists.push(Typist { client, endpoint: Endpoint::foreign(fd, path::O_RDONLY), keys });
    }

    pub fn remove_client(&mut self, client: u64) {
        let before = self.typists.len();
        self.typists.retain(|typist| typist.client != client);
        self.is_ending |= self.once && self.typists.len() < before;
        self.close_if_done();
    }

    fn close_if_done(&mut self) {
        if self.is_ending && self.pending.is_empty() {
            self.target = None;
        }
    }

    /// Each client that may type now, with what to watch.
    pub fn source_watches(&self) -> impl Iterator<Item = (u64, Watch)> {
        let listens = self.pending.is_empty() && self.target.is_some() && !self.is_ending;
        let typists = self.typists.iter().filter(move |_| listens);
        typists.map(|typist| (typist.client, Watch::new(typist.endpoint.fd.as_fd(), true, false)))
    }

    pub fn target_watch(&self) -> Option<Watch> {
        let target = self.target.as_ref()?;
        (!self.pending.is_empty()).then(|| Watch::new(target.fd.as_fd(), false, true))
    }

    /// Reads once what a client typed and passes it on.
    pub fn pump(&mut self, client: u64, buffer: &mut [u8]) -> Typed {
        let Some(typist) = self.typists.iter_mut().find(|typist| typist.client == client) else { return Typed::Passed };
        match typist.endpoint.read(buffer) {
            Transfer::Later => Typed::Passed,
            Transfer::Ended => {
                self.remove_client(client);
                Typed::Passed
            }
            Transfer::Done(count) => {
                let typed = typist.keys.scan(&buffer[..count]);
                self.pending.extend_from_slice(&typed.bytes);
                self.flush();
                if typed.detach { Typed::Detach } else { Typed::Passed }
            }
        }
    }

    /// Writes on what the process had no room for.
    pub fn flush(&mut self) {
        while !self.pending.is_empty() {
            let Some(target) = &self.target else { break };
            match target.write(&self.pending) {
                Transfer::Done(count) => drop(self.pending.drain(..count)),
                Transfer::Later => return,
                Transfer::Ended => {
                    // The process reads no more: what is still typed goes nowhere.
                    self.target = None;
                    self.typists.clear();
                    break;
                }
            }
        }
        self.pending = Vec::new();
        self.close_if_done();
    }
}
