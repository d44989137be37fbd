//! The container's connection to the network keeper, which is started by the first that needs it and, should it be killed, by
//! the first that notices: then the container's networks are found in N as they were.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use bunker_runtime::spec::{Attachment, Network, SPEC_VERSION, SandboxSpec, WayOut};
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::client::channel;
use bunker_sys::poll::{self, Watch};
use bunker_sys::process::{self, Cloned};
use bunker_sys::{SysError, SysResult, file, lock, path};

use crate::network::protocol::{self, DIRECTORY, Request, START_LOCK};

/// It answers in a millisecond, and in ten when it has to be started.
const PATIENCE_MS: i32 = 10_000;
/// A container that ends does not wait long for one that may be stopped.
const FAREWELL_MS: i32 = 1_000;
/// Network keepers that go while they are asked.
const TRIES: u32 = 3;
const EPIPE: i32 = 32;
/// Between attempts to find a network keeper again.
const PAUSE: Duration = Duration::from_secs(1);

/// A container on networks of the user's own.
pub struct Bridge {
    user_runtime_dir: String,
    container: protocol::Container,
    /// The container's network namespace, and its first process.
    namespace: OwnedFd,
    pidfd: OwnedFd,
    /// Held until a network keeper that we started can be found by others. Let go before the channel: one that cannot serve takes
    /// its directory along when that ends.
    starting: Option<OwnedFd>,
    /// None while there is no network keeper.
    channel: Option<OwnedFd>,
    /// N, for the next network keeper.
    kept: Option<OwnedFd>,
    retry_at: Option<Instant>,
}

impl Bridge {
    /// Asks the network keeper to plug the container in, if it is on a network of ours. `finish` waits for the answer.
    ///
    /// # Errors
    /// Of starting one.
    pub fn ask(spec: &SandboxSpec, namespace: OwnedFd, pidfd: OwnedFd) -> Result<Option<Self>, Failure> {
        let Some(container) = networked(spec) else { return Ok(None) };
        let mut bridge = Self::lost(container, &spec.user_runtime_dir, (namespace, pidfd));
        bridge.join()?;
        Ok(Some(bridge))
    }

    /// Of a container on networks of ours, without a network keeper yet: `heal` finds one.
    pub fn lost(
        container: protocol::Container,
        user_runtime_dir: &str,
        (namespace, pidfd): (OwnedFd, OwnedFd),
    ) -> Self {
        Self {
            user_runtime_dir: user_runtime_dir.to_owned(),
            container,
            namespace,
            pidfd,
            channel: None,
            kept: None,
            starting: None,
            retry_at: None,
        }
    }

    /// What the network keeper knows of the container, for whoever keeps it after us.
    pub fn container(&self) -> &protocol::Container {
        &self.container
    }

    fn join(&mut self) -> Result<(), Failure> {
        let directory = format!("{}/{DIRECTORY}", self.user_runtime_dir);
        let channel = match channel::connect_control(&directory)? {
            Some(channel) => channel,
            None => self.start(&directory)?,
        };
        let request = Request::Join { version: SPEC_VERSION, container: self.container.clone() };
        match send(&channel, &request, &[&self.namespace, &self.pidfd]) {
            // Then there is no answer either.
            Err(failure) if failure.errno == Some(EPIPE) => {}
            other => other?,
        }
        self.channel = Some(channel);
        Ok(())
    }

    fn start(&mut self, directory: &str) -> SysResult<OwnedFd> {
        let held = take_start_lock(directory)?;
        // Somebody else may have been first.
        if let Some(channel) = channel::connect_control(directory)? {
            return Ok(channel);
        }
        self.starting = Some(held);
        start_network_keeper(&self.user_runtime_dir, &self.container.ways_out, self.kept.as_ref())
    }

    /// Waits until the container is on its networks.
    ///
    /// # Errors
    /// `Network`: what the network keeper says, or that it says nothing.
    pub fn finish(&mut self) -> Result<(), Failure> {
        for _ in 0..TRIES {
            if let Some(fds) = self.answer(PATIENCE_MS)? {
                self.kept = fds.into_iter().next();
                self.starting = None;
                return Ok(());
            }
            // It was killed, or was just going, when we found it.
            self.channel = None;
            self.starting = None;
            self.join()?;
        }
        Err(gone())
    }

    /// `None`: there is nobody any more who could answer.
    fn answer(&self, patience: i32) -> Result<Option<Vec<OwnedFd>>, Failure> {
        let channel = self.channel.as_ref().ok_or_else(gone)?;
        let mut watches = [Watch::new(channel.as_fd(), true, false)];
        poll::wait(&mut watches, patience)?;
        if !watches[0].is_readable() {
            return Err(Failure::new(FailureCode::Network, "the network keeper does not answer"));
        }
        match channel::receive(channel.as_raw_fd())? {
            Some(frame) => protocol::outcome(frame.text.as_bytes()).map(|()| Some(frame.fds)),
            None => Ok(None),
        }
    }

    fn request(&self, request: &Request, patience: i32) -> Result<(), Failure> {
        send(self.channel.as_ref().ok_or_else(gone)?, request, &[])?;
        self.answer(patience)?.map(drop).ok_or_else(gone)
    }

    /// Tells when the network keeper has gone.
    pub fn watch(&self) -> Option<Watch> {
        self.channel.as_ref().map(|channel| Watch::new(channel.as_fd(), true, false))
    }

    /// How long until it is looked for again.
    pub fn patience(&self) -> Option<Duration> {
        self.retry_at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// The network keeper has gone, or it is time to look again.
    pub fn heal(&mut self) {
        self.channel = None;
        let joined = self.join().and_then(|()| self.finish());
        self.starting = None;
        self.retry_at = joined.is_err().then(|| Instant::now() + PAUSE);
        if joined.is_err() {
            self.channel = None;
        }
    }

    /// One more network, or one it is on in another way, from now on and after the network keeper's death.
    ///
    /// # Errors
    /// `Network`
    pub fn connect(&mut self, network: Attachment) -> Result<(), Failure> {
        self.request(&Request::Connect { network: network.clone() }, PATIENCE_MS)?;
        network.put_into(&mut self.container.networks);
        Ok(())
    }

    /// Another name of the container's, also for a network keeper that is not there now: whoever joins again is known anew.
    pub fn rename(&mut self, name: String) {
        self.container.name = name;
        self.heal();
    }

    /// One less.
    ///
    /// # Errors
    /// `Network`
    pub fn disconnect(&mut self, bridge: &str) -> Result<(), Failure> {
        self.request(&Request::Disconnect { bridge: bridge.to_owned() }, PATIENCE_MS)?;
        self.container.networks.retain(|attachment| attachment.network.bridge != bridge);
        Ok(())
    }

    /// Its ports are free when this returns; one that does not answer finds out by itself.
    pub fn leave(&self) {
        let _ = self.request(&Request::Leave, FAREWELL_MS);
    }
}

/// What the network keeper is to know of a container, if it is on a network of ours.
fn networked(spec: &SandboxSpec) -> Option<protocol::Container> {
    let Network::Bridge { networks, ports, host_loopback, name, name_servers, ndots, ways_out } = &spec.network else {
        return None;
    };
    Some(protocol::Container {
        id: spec.id.clone(),
        name: name.clone(),
        networks: networks.clone(),
        ports: ports.clone(),
        host_loopback: *host_loopback,
        name_servers: name_servers.clone(),
        ndots: *ndots,
        ways_out: ways_out.clone(),
    })
}

fn take_start_lock(directory: &str) -> SysResult<OwnedFd> {
    const ENOENT: i32 = 2;
    loop {
        match std::fs::create_dir(directory) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(SysError::from_io(format!("mkdir({directory:?})"), &error));
            }
            _ => {}
        }
        match lock::wait(&format!("{directory}/{START_LOCK}")) {
            // A network keeper that ended took the directory along.
            Err(error) if error.errno == ENOENT => {}
            other => return other,
        }
    }
}

fn send(channel: &OwnedFd, request: &Request, fds: &[&OwnedFd]) -> Result<(), Failure> {
    let text = serde_json::to_string(request).map_err(|error| Failure::new(FailureCode::System, error.to_string()))?;
    let numbers: Vec<_> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
    Ok(channel::send(channel.as_raw_fd(), &text, &numbers)?)
}

fn gone() -> Failure {
    Failure::new(FailureCode::Network, "the network keeper has gone")
}

/// What the network keeper is given.
const CHANNEL: i32 = 3;
const NAMESPACE: i32 = 4;
const FIRST_OTHER: i32 = 5;

/// This very program in network mode, in U as we are, as nobody's child: it lives longer than its first container. Besides its
/// end of the channel, and N, it gets nothing of ours.
fn start_network_keeper(user_runtime_dir: &str, ways_out: &[WayOut], kept: Option<&OwnedFd>) -> SysResult<OwnedFd> {
    // Out of the way of what it is given.
    let own = file::duplicate_above(file::open("/proc/self/exe", path::O_RDONLY)?.as_fd(), FIRST_OTHER)?;
    let ways_out = serde_json::to_string(ways_out).unwrap_or_default();
    let words: Vec<CString> = ["keeper", "network", user_runtime_dir, &ways_out]
        .into_iter()
        .filter_map(|word| CString::new(word).ok())
        .collect();
    let (ours, theirs) = channel::pair()?;
    let given: Vec<_> = [(&theirs, CHANNEL)]
        .into_iter()
        .chain(kept.map(|kept| (kept, NAMESPACE)))
        .map(|(fd, number)| (fd.as_fd(), number))
        .collect();
    match process::clone_process(0, None, false)? {
        Cloned::Parent { pid, .. } => process::wait_child(pid, true)?,
        Cloned::Child => match process::clone_process(0, None, false) {
            Ok(Cloned::Child) => {
                process::reset_signals();
                if file::place_all(&given).is_ok() {
                    process::execute_fd(own.as_fd(), &words, &[]);
                }
                process::exit(1)
            }
            _ => process::exit(0),
        },
    };
    Ok(ours)
}
