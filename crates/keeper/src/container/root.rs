//! The program that shows a container's root where the kernel does not: begun with the sandbox, ended after it.

use bunker_runtime::Failure;
use bunker_runtime::sandbox::fuse::{RootServer, serve_root};
use bunker_runtime::spec::SandboxSpec;
use bunker_sys::poll::{self, Watch};
use bunker_sys::process;

use super::record::Helper as Record;
use crate::companion::Helper;

const SIGKILL: i32 = 9;
/// Until it has written down the last of what it was given. Longer only while a `cp` still looks into the root.
const PATIENCE_MS: i32 = 2000;

/// Of one container that lives. Dropped when nothing of that is left: then it ends by itself.
pub struct RootHelper {
    /// Until the sandbox is whole.
    server: Option<RootServer>,
    process: Helper,
}

impl RootHelper {
    /// One that waits to be let go, if this root is shown by a program.
    pub fn prepare(spec: &SandboxSpec) -> Result<Option<Self>, Failure> {
        let Some(server) = serve_root(spec)? else { return Ok(None) };
        let process = Helper::child(server.pid, process::open_pidfd(server.pid)?);
        Ok(Some(Self { server: Some(server), process }))
    }

    pub fn adopt(record: Record) -> Option<Self> {
        Helper::adopt(record).map(|process| Self { server: None, process })
    }

    pub fn record(&self) -> Record {
        self.process.record()
    }

    pub fn server(&self) -> Option<&RootServer> {
        self.server.as_ref()
    }

    /// Lets it begin, after it has been written down.
    pub fn go(&self) -> Result<(), Failure> {
        self.server.as_ref().map_or(Ok(()), RootServer::go)
    }

    /// What became of the sandbox. From now on its mount is the container's alone.
    pub fn settle<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let server = self.server.take();
        outcome.map_err(|failure| match server {
            Some(server) => server.explain(failure),
            None => failure,
        })
    }
}

impl Drop for RootHelper {
    fn drop(&mut self) {
        self.server = None;
        let mut watch = [Watch::new(self.process.pidfd(), true, false)];
        let _ = poll::wait(&mut watch, PATIENCE_MS);
        if !watch[0].is_readable() {
            let _ = process::signal(self.process.pidfd(), SIGKILL);
        }
    }
}
