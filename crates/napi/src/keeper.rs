//! Starting keepers and workers. Their bytes are part of this library; once per process each becomes a sealed memfd, so there is
//! nothing on disk (and nothing writable) to replace.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::sync::Mutex;

use bunker_sys::client::spawn::{Spawn, spawn_detached};
use bunker_sys::client::{executable, memory};
use bunker_sys::{SysError, SysResult, client::channel, process};
use napi::Either;
use napi_derive::napi;

use crate::failure::{Outcome, Refusal, host_refused, outcome, plain};
use crate::files::{self, TreeEntry};

/// One embedded program.
struct Program {
    name: &'static str,
    content: &'static [u8],
    executable: Mutex<Option<OwnedFd>>,
}

static KEEPER: Program =
    Program { name: "keeper", content: include_bytes!(env!("BUNKER_EMBEDDED_KEEPER")), executable: Mutex::new(None) };
static WORKER: Program =
    Program { name: "worker", content: include_bytes!(env!("BUNKER_EMBEDDED_WORKER")), executable: Mutex::new(None) };

#[napi(object, object_to_js = false)]
pub struct SpawnRequest {
    /// Ours alone; used only where the host forbids executing memfds.
    pub library_directory: String,
    /// Soft RLIMIT_NOFILE of the program; as ours when left out.
    pub open_files: Option<u32>,
    /// Processes that may run the same program: its memory is then shared with theirs.
    pub peers: Vec<i32>,
}

#[napi(object, object_from_js = false)]
pub struct Spawned {
    pub pid: i32,
    /// Our end of the channel; the program has its own as descriptor 3.
    pub channel: i32,
}

/// A keeper that waits for its container.
#[napi]
pub fn spawn_keeper(request: SpawnRequest) -> Outcome<Spawned> {
    start(&KEEPER, "container", &request)
}

/// A worker that waits for its job.
#[napi]
pub fn spawn_worker(request: SpawnRequest) -> Outcome<Spawned> {
    start(&WORKER, "job", &request)
}

/// A worker that waits for an OCI bundle.
#[napi]
pub fn spawn_bundler(request: SpawnRequest) -> Outcome<Spawned> {
    start(&WORKER, "bundle", &request)
}

#[napi(object, object_to_js = false)]
pub struct RootRequest {
    /// Ours alone; used only where the host forbids executing memfds.
    pub library_directory: String,
    /// Root's subordinate ids: the first uid and how many, the first gid and how many.
    pub ranges: Vec<u32>,
    /// Of the program that is running now, which is started anew there.
    pub arguments: Vec<String>,
    /// `KEY=VALUE`.
    pub environment: Vec<String>,
    /// What root alone may read, to go along in memory.
    pub settings: Vec<TreeEntry>,
    /// Variables that name places there: each a name and the rest of the path.
    pub places: Vec<Vec<String>>,
    /// What HOME is where there is no such memory.
    pub home: String,
}

/// Becomes this very program anew, in a user namespace of root's subordinate ids. Comes back only if it failed.
#[napi]
pub fn leave_root(request: RootRequest) -> Outcome<()> {
    let left = executable::make(WORKER.content, &request.library_directory).and_then(|helper| {
        let own = executable::inherit_own()?;
        let (places, _settings) = hand_over(&request);
        let numbers = request.ranges.iter().map(u32::to_string).chain([own.as_raw_fd().to_string()]);
        let fixed = [WORKER.name.to_owned(), "root".to_owned()];
        let arguments = c_strings(fixed.into_iter().chain(numbers).chain(request.arguments))?;
        let environment = c_strings(request.environment.into_iter().chain(places))?;
        Err(process::execute_fd(helper.as_fd(), &arguments, &environment))
    });
    outcome("leaving root", left)
}

/// The settings' variables, and what keeps them in memory until the exec.
fn hand_over(request: &RootRequest) -> (Vec<String>, Option<OwnedFd>) {
    let owner = (request.ranges.first().copied().unwrap_or(0), request.ranges.get(2).copied().unwrap_or(0));
    // Root of another engine's container may not mount: it goes without them.
    let Ok(directory) = memory::handed_directory(&files::entries(&request.settings), owner) else {
        return (vec![format!("HOME={}", request.home)], None);
    };
    // By its number: children of the process have no such descriptor of their own.
    let base = format!("/proc/{}/fd/{}", std::process::id(), directory.as_raw_fd());
    let places = request.places.iter().filter_map(|place| match place.as_slice() {
        [name, rest] => Some(format!("{name}={base}{rest}")),
        _ => None,
    });
    (places.collect(), Some(directory))
}

fn c_strings(words: impl Iterator<Item = String>) -> SysResult<Vec<CString>> {
    const EINVAL: i32 = 22;
    words.map(CString::new).collect::<Result<_, _>>().map_err(|_| SysError::new("execveat(argv)", EINVAL))
}

/// `mode`: what it is told to be.
fn start(program: &Program, mode: &str, request: &SpawnRequest) -> Outcome<Spawned> {
    let name = program.name;
    if program.content.is_empty() {
        let message = format!("this build has no {name} in it: build it with \"npm run build\"");
        return Either::B(plain("host-refused", &message));
    }
    match with_executable(program, mode, request) {
        Ok(result) => outcome(&format!("starting the {name}"), result),
        Err(refusal) => Either::B(refusal),
    }
}

fn with_executable(program: &Program, mode: &str, request: &SpawnRequest) -> Result<SysResult<Spawned>, Refusal> {
    let name = program.name;
    let mut slot = program.executable.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let make = || {
        executable::make(program.content, &request.library_directory)
            .map_err(|error| host_refused(&format!("making the {name} executable"), &error))
    };
    let mut executable = match slot.take().or_else(|| executable::share(program.content, &request.peers)) {
        Some(executable) => executable,
        None => make()?,
    };
    let mut result = spawn(&executable, (program.name, mode), request);
    if result.as_ref().is_err_and(|error| error.call.starts_with("execveat")) {
        // A container with --init runs it too, as the same user on the host: before Linux 6.3 it can take its mode away.
        executable = make()?;
        result = spawn(&executable, (program.name, mode), request);
    }
    *slot = Some(executable);
    match result {
        Err(error) if error.call.starts_with("execveat") => Err(host_refused(&format!("executing the {name}"), &error)),
        result => Ok(result),
    }
}

fn spawn(executable: &OwnedFd, (name, mode): (&str, &str), request: &SpawnRequest) -> Result<Spawned, SysError> {
    let (ours, theirs) = channel::pair()?;
    let pid = spawn_detached(&Spawn {
        executable: executable.as_fd(),
        argv: &[name, mode],
        fds: &[theirs.as_raw_fd()],
        open_files: request.open_files.map(u64::from),
    })?;
    Ok(Spawned { pid, channel: ours.into_raw_fd() })
}

/// Ends this process at once: nothing is flushed, nothing is closed but by the kernel.
#[napi]
pub fn exit_now(code: i32) {
    bunker_sys::process::exit(code)
}
