//! From a spec to a running container, and from its end to nothing left of it but what is to stay.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use bunker_runtime::sandbox::{OpenNamespaces, Sandbox};
use bunker_runtime::spec::{SandboxSpec, UserNamespace};
use bunker_runtime::{Failure, FailureCode, leftover, sandbox, trash, userns};
use bunker_sys::{SysResult, file, lock, namespace, path, process, socket};

use crate::companion::Helper;
use crate::way_out::{self, Starting};

use super::super::bridge::Bridge;
use super::super::group::Group;
use super::super::log::Log;
use super::super::record::{ExitRecord, Phase as RecordPhase, State, now};
use super::super::root::RootHelper;
use super::super::session::{Ends, Session, open_fifos};
use super::{Container, MAIN, Monitor, Phase, not_running};

/// The engine's mark in a volume's directory.
const SHARED: &str = "shared";
const EXIT_ENGINE: i32 = 125;
const EXIT_NOT_EXECUTABLE: i32 = 126;
const EXIT_NOT_FOUND: i32 = 127;

impl Monitor {
    /// Goes into U, once.
    pub(super) fn enter(&mut self, namespace: &UserNamespace, user_runtime_dir: &str) -> Result<(), Failure> {
        if self.membership.is_none() {
            // After a failure this process may be half way: it is of no use for anything else.
            let phase = std::mem::replace(&mut self.phase, Phase::Over);
            self.membership = Some(userns::enter(namespace, user_runtime_dir)?);
            self.phase = phase;
        }
        Ok(())
    }

    /// The container is ours from now on: its lock comes with the request.
    fn take_on(&mut self, fds: Vec<OwnedFd>) -> Result<(), Failure> {
        if self.phase != Phase::New {
            return Err(Failure::new(FailureCode::BadRequest, "this keeper has a container already"));
        }
        self.phase = Phase::Over;
        self.lock = fds.into_iter().next();
        Ok(())
    }

    /// Makes the sandbox; after a failure nothing of it is left but the record of it.
    /// Behind the lock come the descriptors that its process keeps.
    pub(super) fn create(&mut self, spec: SandboxSpec, mut fds: Vec<OwnedFd>) -> Result<(), Failure> {
        let kept = fds.split_off(1.min(fds.len()));
        self.take_on(fds)?;
        let (generation, container_dir) = (spec.generation, spec.container_dir.clone());
        let foreign = spec.runtime.is_some().then(|| spec.clone());
        self.runtime_dir = Some(spec.runtime_dir.clone());
        let made = self.try_create(spec, kept);
        match &made {
            Ok(()) => self.phase = Phase::Created,
            Err(failure) => {
                record_failure(generation, &container_dir, failure);
                if let Some(spec) = &foreign {
                    sandbox::retire(spec);
                }
                self.withdraw();
            }
        }
        made
    }

    fn try_create(&mut self, spec: SandboxSpec, kept: Vec<OwnedFd>) -> Result<(), Failure> {
        self.enter(&spec.user_namespace, &spec.user_runtime_dir)?;
        // Only our own default depends on it: where it cannot be had the container runs without.
        // Goes after the sandbox that is in it.
        let mut group = spec.cgroup.as_deref().and_then(|place| Group::make(place).ok());
        let mut root_helper = RootHelper::prepare(&spec)?;
        let mut ends = Ends::fifos(&spec.process, &spec.container_dir)?;
        let handed = ends.take_theirs(kept);
        let cgroup = group.as_ref().map(|group| group.directory.as_fd());
        if !spec.auto_remove {
            ExitRecord::reserve(&spec.container_dir)?;
        }
        let root = root_helper.as_ref().and_then(RootHelper::server);
        let mut sandbox = sandbox::create(&spec, &handed, cgroup, root)?;
        // From here on the child has its own copies; as long as we held them no stream would end.
        drop(handed);
        group = group.filter(|_| sandbox.is_grouped);
        let mut namespaces = sandbox.namespaces.take();
        let mut helper = namespaces.as_ref().map(|open| way_out::prepare(&spec.network, open)).transpose()?.flatten();
        let mut bridge = namespaces.as_ref().map(|open| join_networks(&spec, open, &sandbox)).transpose()?.flatten();
        let mut state = State::new(sandbox.pid, spec.generation);
        state.shares_user_namespace = spec.user_namespace.container_uid_map.is_empty();
        state.helper = helper.as_ref().map(|starting| starting.helper.record());
        state.root_helper = root_helper.as_ref().map(RootHelper::record);
        state.cgroup = group.as_ref().map(|group| group.place.clone());
        // Before anything of it lives on its own: should we die, others find it.
        state.write(&spec.runtime_dir)?;
        root_helper.as_ref().map_or(Ok(()), RootHelper::go)?;
        // It gets ready while the sandbox is being built.
        if let Some(starting) = &helper {
            starting.go()?;
        }
        let ready = sandbox.await_ready();
        match &mut root_helper {
            Some(root_helper) => root_helper.settle(ready)?,
            None => ready?,
        }
        if let Some(open) = sandbox.namespaces.take() {
            // Another runtime made the process just now.
            (state.pid, state.start_time) = (sandbox.pid, process::start_time(sandbox.pid).unwrap_or(0));
            state.write(&spec.runtime_dir)?;
            helper = way_out::prepare(&spec.network, &open)?;
            state.helper = helper.as_ref().map(|starting| starting.helper.record());
            state.write(&spec.runtime_dir)?;
            if let Some(starting) = &helper {
                starting.go()?;
            }
            bridge = join_networks(&spec, &open, &sandbox)?;
            namespaces = Some(open);
        }
        let helper = helper.map(Starting::finish).transpose()?;
        bridge.as_mut().map(Bridge::finish).transpose()?;
        state.network = bridge.as_ref().map(|bridge| bridge.container().clone());
        self.listener = Some(socket::listen_control(&spec.runtime_dir)?);
        let pidfd = file::duplicate(sandbox.pidfd.as_fd())?;
        let terminal = sandbox.terminal.take();
        self.sessions.insert(MAIN, Session::new((sandbox.pid, pidfd), terminal, ends, spec.process.stdin_once)?);
        let log = open_log(&spec)?;
        let waiting = Some(sandbox);
        self.container = Some(Container {
            spec,
            state,
            log,
            waiting,
            namespaces,
            helper,
            root_helper,
            bridge,
            group,
            deadline: None,
        });
        Ok(())
    }

    /// Lets the container's process exec.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        let Some(container) = self.container.as_mut().filter(|_| self.phase == Phase::Created) else {
            return Err(not_running());
        };
        let Some(mut sandbox) = container.waiting.take() else { return Err(not_running()) };
        // Before the word is given: a keeper that dies in between leaves a container that can be found.
        container.state.phase = RecordPhase::Running;
        container.state.started_at = Some(now());
        if let Some(seconds) = container.spec.timeout {
            container.state.deadline = Some(process::wall_clock().0 + i64::from(seconds));
            container.deadline = Some(Instant::now() + Duration::from_secs(seconds.into()));
        }
        container.state.write(&container.spec.runtime_dir)?;
        match sandbox.start() {
            Ok(()) => {
                self.phase = Phase::Running;
                Ok(())
            }
            Err(failure) => {
                record_failure(container.spec.generation, &container.spec.container_dir, &failure);
                sandbox::retire(&container.spec);
                self.sessions.remove(&MAIN);
                self.phase = Phase::Over;
                self.withdraw();
                Err(failure)
            }
        }
    }

    /// Takes over a container that lives although its keeper does not.
    pub(super) fn adopt(&mut self, spec: SandboxSpec, mut state: State, fds: Vec<OwnedFd>) -> Result<(), Failure> {
        self.take_on(fds)?;
        self.enter(&spec.user_namespace, &spec.user_runtime_dir)?;
        let pidfd = process::open_pidfd(state.pid).map_err(|_| not_running())?;
        if !state.is_alive() || state.generation != spec.generation {
            return Err(not_running());
        }
        if !spec.auto_remove {
            // A full disk is no reason to leave a container alone.
            let _ = ExitRecord::reserve(&spec.container_dir);
        }
        // A terminal died with the keeper that held its master.
        let outputs = if spec.process.terminal { Vec::new() } else { open_fifos(&spec.container_dir)? };
        state.keeper_pid = process::own_pid();
        state.write(&spec.runtime_dir)?;
        self.listener = Some(socket::listen_control(&spec.runtime_dir)?);
        self.runtime_dir = Some(spec.runtime_dir.clone());
        let log = open_log(&spec)?;
        let helper = state.helper.and_then(Helper::adopt);
        let root_helper = state.root_helper.and_then(RootHelper::adopt);
        let group = state.cgroup.as_deref().and_then(Group::open);
        // Not earlier: an adoption that failed leaves everything as the next one needs it.
        self.runtime_dir = Some(spec.runtime_dir.clone());
        let bridge = match &state.network {
            Some(known) => {
                let process = (namespace::open(state.pid, "net")?, file::duplicate(pidfd.as_fd())?);
                Some(Bridge::lost(known.clone(), &spec.user_runtime_dir, process))
            }
            None => None,
        };
        let session = Session::adopted(state.pid, pidfd, outputs);
        let deadline = state.deadline.map(|at| Instant::now() + until(at));
        let waiting = None;
        let container =
            Container { spec, state, log, waiting, namespaces: None, helper, root_helper, bridge, group, deadline };
        self.container = Some(container);
        self.sessions.insert(MAIN, session);
        self.phase = Phase::Running;
        // Not while it is adopted: that it cannot be reached is no reason to leave it alone.
        self.heal_network();
        Ok(())
    }

    /// The container's process has ended and its streams are read: make it known, in the order that readers rely on.
    pub(super) fn conclude(&mut self) {
        let end = self.sessions.get(&MAIN).and_then(Session::end).flatten();
        if let Some(container) = self.container.as_ref().filter(|container| !container.spec.namespaces.pid) {
            let group = container.group.as_ref().map(|group| group.place.as_str());
            leftover::end_all(group, container.namespaces.as_ref().map(|open| open.mount.as_fd()));
        }
        if let Some(container) = &self.container
            && !container.spec.auto_remove
        {
            // Nobody can be told here; a container without a record is reported as one whose end nobody saw.
            let _ = ExitRecord::of(&container.state, end).write(&container.spec.container_dir);
        }
        if let Some(container) = &self.container {
            sandbox::retire(&container.spec);
        }
        self.phase = Phase::Over;
        self.withdraw();
    }

    /// Takes back what says that the container lives: its files in the runtime directory, its own directory if it is doomed, the lock.
    fn withdraw(&mut self) {
        self.listener = None;
        if !self.doomed.paths.is_empty() {
            // Our share says that somebody looks after what lies in the trash.
            self.trash_share = lock::share(&format!("{}.lock", self.doomed.trash)).ok();
            let places = std::mem::take(&mut self.doomed.paths);
            self.doomed.paths = places.into_iter().filter_map(|place| self.move_to_trash(&place)).collect();
        }
        // While they still are written down: should we die on the way, others find them.
        if let Some(container) = &mut self.container {
            if let Some(helper) = &container.helper {
                helper.dismiss();
            }
            if let Some(bridge) = container.bridge.take() {
                bridge.leave();
            }
            container.group = None;
            if container.root_helper.is_some() {
                // Before the next start has a program of its own at work there.
                container.namespaces = None;
                container.root_helper = None;
            }
        }
        if let Some(runtime_dir) = self.runtime_dir.take() {
            for name in ["state.json", "state.json.new", "ctl", "lock"] {
                let _ = file::remove(&format!("{runtime_dir}/{name}"));
            }
            let _ = std::fs::remove_dir(&runtime_dir);
        }
        self.lock = None;
    }

    fn move_to_trash(&self, place: &str) -> Option<String> {
        // A volume that another container uses too: the rows decide about it.
        if file::open(&format!("{place}/{SHARED}"), path::O_PATH).is_ok() {
            return None;
        }
        let name = place.rsplit('/').next()?;
        file::rename(place, &format!("{}/{name}", self.doomed.trash)).ok()?;
        Some(name.to_owned())
    }

    /// What takes its time, when nobody waits any more.
    pub(super) fn clear_away(mut self) {
        if self.phase == Phase::Created {
            // The command that wanted the container went away before it was started.
            if let Some(container) = &mut self.container {
                drop(container.waiting.take());
                sandbox::retire(&container.spec);
            }
        }
        self.sessions.clear();
        if self.lock.is_some() {
            self.withdraw();
        }
        if let Some(container) = self.container.take() {
            drop(container.helper);
            drop(container.namespaces);
        }
        // Still in U, whose ids the trees belong to.
        let _ = self.empty_trash();
    }

    fn empty_trash(&self) -> SysResult<()> {
        if self.doomed.paths.is_empty() {
            return Ok(());
        }
        let place = file::open(&self.doomed.trash, path::O_RDONLY | path::O_DIRECTORY)?;
        let names: Vec<_> = self.doomed.paths.iter().map(|name| name.clone().into_bytes()).collect();
        trash::empty(place.as_fd(), self.trash_share.as_ref().map(AsFd::as_fd), &names)
    }
}

fn join_networks(spec: &SandboxSpec, open: &OpenNamespaces, sandbox: &Sandbox) -> Result<Option<Bridge>, Failure> {
    let pidfd = file::duplicate(sandbox.pidfd.as_fd())?;
    Bridge::ask(spec, file::duplicate(open.network.as_fd())?, pidfd)
}

/// From now to a second of the wall clock; nothing if that is over.
fn until(second: i64) -> Duration {
    Duration::from_secs(u64::try_from(second - process::wall_clock().0).unwrap_or(0))
}

fn open_log(spec: &SandboxSpec) -> SysResult<Log> {
    let directory = file::open(&spec.container_dir, path::O_RDONLY | path::O_DIRECTORY)?;
    Ok(Log::new(directory, &spec.log))
}

fn record_failure(generation: u32, container_dir: &str, failure: &Failure) {
    let code = match failure.code {
        FailureCode::CommandNotFound => EXIT_NOT_FOUND,
        FailureCode::CommandNotExecutable => EXIT_NOT_EXECUTABLE,
        _ => EXIT_ENGINE,
    };
    // Whoever asked is told the failure itself.
    let _ = ExitRecord::failed(generation, code, failure).write(container_dir);
}
