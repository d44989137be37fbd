//! The container's connection to the network keeper, which is started by the first that needs it and, should it be killed, by
//! the first that notices: then the container's networks are found in N as they were. One that is stopped is woken by who waits
//! for it, and one that hangs ended.

mod start;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use bunker_runtime::spec::{Attachment, Network, SPEC_VERSION, SandboxSpec};
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::client::channel;
use bunker_sys::poll::{self, Watch};
use bunker_sys::{SysResult, process, socket};

use crate::network::protocol::{self, DIRECTORY, Request};

/// It answers in a millisecond, and in ten when it has to be started: in a second, on a machine that has much else to do, too.
const NOTICE_MS: i32 = 1_000;
/// After that, one that was woken is given so long. Ending it costs all containers their connections to the outside.
const PATIENCE_MS: i32 = 10_000;
/// A container that ends does not wait as long.
const FAREWELL_MS: i32 = 1_000;
const SIGKILL: i32 = 9;
const SIGCONT: i32 = 18;
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
    /// What is asked for may be there.
    has_asked: bool,
}

/// What has come of a request.
enum Answer {
    /// With what came along.
    Given(Vec<OwnedFd>),
    Gone,
    Silence,
}

impl Bridge {
    /// Asks the network keeper to plug the container in, if it is on a network of ours. `finish` waits for the answer.
    ///
    /// # Errors
    /// Of starting one.
    pub fn ask(spec: &SandboxSpec, namespace: OwnedFd, pidfd: OwnedFd) -> Result<Option<Self>, Failure> {
        let Some(container) = networked(spec) else { return Ok(None) };
        let lost = Self::lost(container, &spec.user_runtime_dir, (namespace, pidfd));
        let mut bridge = Self { has_asked: false, ..lost };
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
            has_asked: true,
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
        let request = Request::Join { version: SPEC_VERSION, container: self.container.clone(), again: self.has_asked };
        self.has_asked = true;
        match send(&channel, &request, &[&self.namespace, &self.pidfd]) {
            // Then there is no answer either.
            Err(failure) if failure.errno == Some(EPIPE) => {}
            other => other?,
        }
        self.channel = Some(channel);
        Ok(())
    }

    fn start(&mut self, directory: &str) -> SysResult<OwnedFd> {
        if self.kept.is_none()
            && let Some(channel) = start::await_heirs(directory)?
        {
            return Ok(channel);
        }
        let held = start::take_start_lock(directory)?;
        // Somebody else may have been first.
        if let Some(channel) = channel::connect_control(directory)? {
            return Ok(channel);
        }
        self.starting = Some(held);
        start::start_network_keeper(&self.user_runtime_dir, &self.container.ways_out, self.kept.as_ref())
    }

    /// Waits until the container is on its networks.
    ///
    /// # Errors
    /// `Network`: what the network keeper says, or that there is none to be had.
    pub fn finish(&mut self) -> Result<(), Failure> {
        for _ in 0..TRIES {
            if let Some(fds) = self.insist()? {
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

    /// What it answers, if need be after it was woken. `None`: there is nobody any more who could answer. One that is silent is
    /// hung, and ended: then there is nobody either.
    fn insist(&self) -> Result<Option<Vec<OwnedFd>>, Failure> {
        match self.answer(PATIENCE_MS)? {
            Answer::Given(fds) => return Ok(Some(fds)),
            Answer::Silence => self.signal(SIGKILL)?,
            Answer::Gone => {}
        }
        Ok(None)
    }

    fn answer(&self, patience: i32) -> Result<Answer, Failure> {
        let channel = self.channel.as_ref().ok_or_else(gone)?;
        if !has_word(channel, NOTICE_MS)? {
            // Somebody may have stopped it. One that runs does not notice this.
            self.signal(SIGCONT)?;
            if !has_word(channel, patience)? {
                return Ok(Answer::Silence);
            }
        }
        Ok(match channel::receive(channel.as_raw_fd())? {
            Some(frame) => protocol::outcome(frame.text.as_bytes()).map(|()| Answer::Given(frame.fds))?,
            None => Answer::Gone,
        })
    }

    /// To the network keeper, which lives in U as we do. That it is gone already is seen in its channel.
    fn signal(&self, number: i32) -> Result<(), Failure> {
        let Some(process) = self.channel.as_ref().map(socket::peer_process).transpose()?.flatten() else {
            return Ok(());
        };
        let _ = process::signal(process.as_fd(), number);
        if number == SIGKILL {
            // Not until then is its socket nobody's.
            poll::wait(&mut [Watch::new(process.as_fd(), true, false)], NOTICE_MS)?;
        }
        Ok(())
    }

    /// Asks, and where there is nobody any more, whoever comes next.
    fn request(&mut self, request: &Request) -> Result<(), Failure> {
        for _ in 0..TRIES {
            if self.say(request)? && self.insist()?.is_some() {
                return Ok(());
            }
            self.channel = None;
            self.join()?;
            self.finish()?;
        }
        Err(gone())
    }

    /// False: there is nobody to hear it.
    fn say(&self, request: &Request) -> Result<bool, Failure> {
        let Some(channel) = &self.channel else { return Ok(false) };
        match send(channel, request, &[]) {
            Err(failure) if failure.errno == Some(EPIPE) => Ok(false),
            other => other.map(|()| true),
        }
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
        self.request(&Request::Connect { network: network.clone() })?;
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
        self.request(&Request::Disconnect { bridge: bridge.to_owned() })?;
        self.container.networks.retain(|attachment| attachment.network.bridge != bridge);
        Ok(())
    }

    /// Its ports are free when this returns; one that does not answer finds out by itself.
    pub fn leave(&self) {
        if self.say(&Request::Leave).unwrap_or(false) {
            let _ = self.answer(FAREWELL_MS);
        }
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

fn send(channel: &OwnedFd, request: &Request, fds: &[&OwnedFd]) -> Result<(), Failure> {
    let text = serde_json::to_string(request).map_err(|error| Failure::new(FailureCode::System, error.to_string()))?;
    let numbers: Vec<_> = fds.iter().map(|fd| fd.as_raw_fd()).collect();
    Ok(channel::send(channel.as_raw_fd(), &text, &numbers)?)
}

fn has_word(channel: &OwnedFd, patience: i32) -> SysResult<bool> {
    let mut watches = [Watch::new(channel.as_fd(), true, false)];
    poll::wait(&mut watches, patience)?;
    Ok(watches[0].is_readable())
}

fn gone() -> Failure {
    Failure::new(FailureCode::Network, "the network keeper has gone")
}
