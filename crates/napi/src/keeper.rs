//! Starting keepers. The helper's bytes are part of this library; once per process they become a sealed memfd, so there
//! is nothing on disk (and nothing writable) to replace.

use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::sync::Mutex;

use bunker_sys::client::executable;
use bunker_sys::client::spawn::{Spawn, spawn_detached};
use bunker_sys::{SysError, SysResult, client::channel};
use napi::Either;
use napi_derive::napi;

use crate::failure::{Outcome, Refusal, host_refused, outcome, plain};

static KEEPER: &[u8] = include_bytes!(env!("BUNKER_EMBEDDED_KEEPER"));
static EXECUTABLE: Mutex<Option<OwnedFd>> = Mutex::new(None);

#[napi(object, object_to_js = false)]
pub struct SpawnRequest {
    /// The helper's only argument: `container` or `worker`.
    pub mode: String,
    /// Become 4, 5, … in the keeper; 3 is its end of the channel.
    pub pass_fds: Vec<i32>,
    /// Ours alone; used only where the host forbids executing memfds.
    pub library_directory: String,
    /// Soft RLIMIT_NOFILE of the keeper; as ours when left out.
    pub open_files: Option<u32>,
}

#[napi(object, object_from_js = false)]
pub struct SpawnedKeeper {
    pub pid: i32,
    pub channel: i32,
}

#[napi]
pub fn spawn_keeper(request: SpawnRequest) -> Outcome<SpawnedKeeper> {
    if KEEPER.is_empty() {
        return Either::B(plain("host-refused", "this build has no keeper in it: build it with \"npm run build\""));
    }
    match with_executable(&request) {
        Ok(result) => outcome("starting the keeper", result),
        Err(refusal) => Either::B(refusal),
    }
}

fn with_executable(request: &SpawnRequest) -> Result<SysResult<SpawnedKeeper>, Refusal> {
    let mut slot = EXECUTABLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let keeper = match slot.take() {
        Some(keeper) => keeper,
        None => executable::make(KEEPER, &request.library_directory)
            .map_err(|error| host_refused("making the keeper executable", &error))?,
    };
    match spawn(&*slot.insert(keeper), request) {
        Err(error) if error.call.starts_with("execveat") => Err(host_refused("executing the keeper", &error)),
        result => Ok(result),
    }
}

fn spawn(keeper: &OwnedFd, request: &SpawnRequest) -> Result<SpawnedKeeper, SysError> {
    let (ours, theirs) = channel::pair()?;
    let mut fds = vec![theirs.as_raw_fd()];
    fds.extend(&request.pass_fds);
    let pid = spawn_detached(&Spawn {
        executable: keeper.as_fd(),
        argv: &["keeper", &request.mode],
        fds: &fds,
        open_files: request.open_files.map(u64::from),
    })?;
    Ok(SpawnedKeeper { pid, channel: ours.into_raw_fd() })
}
