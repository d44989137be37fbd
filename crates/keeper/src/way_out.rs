//! A way out by a helper program, slirp4netns or pasta: started for one network namespace, a container's or N, and ended with it.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use bunker_runtime::sandbox::OpenNamespaces;
use bunker_runtime::spec::{Network, Program, WayOut};
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::file::{self, Transfer};
use bunker_sys::poll::{self, Watch};
use bunker_sys::process::{self, Cloned};
use bunker_sys::{SysResult, namespace, path};

use crate::companion::Helper;

/// What it makes in N.
pub const SHARED_INTERFACE: &str = "tap0";
const STDERR: i32 = 2;
const FOR_EVER: i32 = -1;
/// A helper that takes longer has lost its way; they take 6 and 17 ms.
const PATIENCE_MS: i32 = 10_000;
const COMPLAINT_LIMIT: usize = 400;

/// A helper that is there and is not known to serve yet.
pub struct Starting {
    pub helper: Helper,
    /// What it waits for before it begins.
    go: OwnedFd,
    ready: OwnedFd,
    complaints: OwnedFd,
    name: &'static str,
}

/// Makes the process of the helper that is this container's network, if any. It begins when it is let go, after it has been written
/// down: should we die in between it ends, and from then on others find it.
pub fn prepare(network: &Network, namespaces: &OpenNamespaces) -> Result<Option<Starting>, Failure> {
    let call = match network {
        Network::Slirp4netns(program) => slirp(program, true),
        Network::Pasta(program) => pasta(program, None),
        _ => return Ok(None),
    };
    start(&call, Some(&namespaces.user), &namespaces.network, false).map(Some)
}

/// A helper that leads out of N, and ends when this is gone.
pub struct Shared {
    /// Tells of its end.
    pub end: OwnedFd,
    _life: OwnedFd,
}

/// Makes a helper the way out of N. `None`: this way needs none.
///
/// # Errors
/// `Network` with the helper's own words.
pub fn serve_shared(way: &WayOut, inside: &OwnedFd) -> Result<Option<Shared>, Failure> {
    let call = match way {
        WayOut::Relay => return Ok(None),
        WayOut::Slirp4netns(program) => slirp(program, false),
        WayOut::Pasta(program) => pasta(program, Some(SHARED_INTERFACE)),
    };
    let starting = start(&call, None, inside, true)?;
    starting.go()?;
    let (end, life) = (file::duplicate(starting.helper.pidfd())?, file::duplicate(starting.go.as_fd())?);
    // Whoever is locked in may not end others by a signal.
    std::mem::forget(starting.finish()?);
    Ok(Some(Shared { end, _life: life }))
}

/// `user`: the user namespace that the network belongs to, unless it is our own.
fn start(call: &Call, user: Option<&OwnedFd>, network: &OwnedFd, ends_with_us: bool) -> Result<Starting, Failure> {
    let (waits, go) = file::pipe()?;
    let (ready, says_ready) = file::pipe()?;
    // In memory, not a pipe: it may complain for as long as it lives, with nobody to read.
    let complaints = file::memory_file(c"complaints")?;
    let name = call.name;
    let words: Vec<CString> = call.arguments.iter().filter_map(|word| CString::new(word.as_str()).ok()).collect();
    let given = [(&complaints, STDERR), (network, call.network), (&says_ready, call.ready)];
    let given = given.into_iter().chain(user.zip(call.user));
    let given: Vec<_> = given.map(|(fd, number)| (fd.as_fd(), number)).collect();
    let (flags, known): (_, fn(i32, OwnedFd) -> Helper) =
        if ends_with_us { (namespace::PID, Helper::first) } else { (0, Helper::child) };
    match process::clone_process(flags, None, false)? {
        Cloned::Parent { pid, pidfd } => Ok(Starting { helper: known(pid, pidfd), go, ready, complaints, name }),
        Cloned::Child => {
            drop(go);
            if ends_with_us {
                stand_between(&waits);
            }
            let mut word = [0_u8];
            let told = matches!(file::read(waits.as_fd(), &mut word), Ok(Transfer::Done(1)));
            process::reset_signals();
            if told && file::place_all(&given).is_ok() {
                process::execute(&words[0], &words, &[]);
            }
            process::exit(127)
        }
    }
}

/// This process is the first of a PID namespace, and takes the helper along when it ends: with the helper, or when nobody holds the
/// other end of the pipe any more. (No signal of a parent's death comes through where the parent is locked in.) Returns in the
/// helper's own process.
fn stand_between(life: &OwnedFd) {
    match process::clone_process(0, None, false) {
        Ok(Cloned::Child) => return,
        Ok(Cloned::Parent { pidfd, .. }) => {
            let _ = wait_for_end(life, &pidfd);
        }
        Err(_) => {}
    }
    process::exit(1)
}

fn wait_for_end(life: &OwnedFd, helper: &OwnedFd) -> SysResult<()> {
    // Nothing else of the network keeper's may stay open here.
    file::place(life.as_fd(), 0)?;
    file::place(helper.as_fd(), 1)?;
    file::close_from(2)?;
    let (life, helper) = (file::inherited(0)?, file::inherited(1)?);
    let mut watches = [Watch::new(life.as_fd(), false, false), Watch::new(helper.as_fd(), true, false)];
    poll::wait(&mut watches, FOR_EVER)
}

/// How a helper is called, and under which numbers it finds its namespaces and the pipe on which it says that it is ready.
struct Call {
    name: &'static str,
    arguments: Vec<String>,
    user: Option<i32>,
    network: i32,
    ready: i32,
}

/// `joins_user`: the network belongs to a user namespace that is not ours.
fn slirp(Program { program, options }: &Program, joins_user: bool) -> Call {
    let (user, network, ready) = (3, 4, 5);
    // An empty root, no capabilities, few system calls: it parses what the container sends.
    let fixed = ["--configure", "--enable-sandbox", "--enable-seccomp", "--netns-type=path"];
    let mut arguments = vec![program.clone()];
    arguments.extend(fixed.map(str::to_owned));
    arguments.extend(options.iter().cloned());
    arguments.push(format!("--ready-fd={ready}"));
    arguments.extend(joins_user.then(|| format!("--userns-path=/proc/self/fd/{user}")));
    arguments.extend([format!("/proc/self/fd/{network}"), SHARED_INTERFACE.to_owned()]);
    Call { name: "slirp4netns", arguments, user: joins_user.then_some(user), network, ready }
}

/// It closes everything above standard error before it looks for anything. It needs no user namespace: it runs in U, which has
/// power over the container's.
fn pasta(Program { program, options }: &Program, interface: Option<&str>) -> Call {
    let (ready, network) = (0, 1);
    let mut arguments = vec![program.clone()];
    arguments.extend(["--config-net", "--foreground", "--quiet", "--no-netns-quit"].map(str::to_owned));
    arguments.extend(options.iter().cloned());
    arguments.extend(interface.into_iter().flat_map(|name| ["--ns-ifname".to_owned(), name.to_owned()]));
    arguments.extend(["--pid".to_owned(), format!("/proc/self/fd/{ready}")]);
    arguments.extend(["--netns".to_owned(), format!("/proc/self/fd/{network}")]);
    Call { name: "pasta", arguments, user: None, network, ready }
}

impl Starting {
    /// Lets it begin.
    ///
    /// # Errors
    /// When it is gone.
    pub fn go(&self) -> Result<(), Failure> {
        Ok(file::write_all(self.go.as_fd(), b"g")?)
    }

    /// Waits until the helper serves.
    ///
    /// # Errors
    /// `Network` with the helper's own words when it ends or stays silent.
    pub fn finish(self) -> Result<Helper, Failure> {
        let mut watches = [Watch::new(self.ready.as_fd(), true, false), Watch::new(self.helper.pidfd(), true, false)];
        poll::wait(&mut watches, PATIENCE_MS)?;
        let mut word = [0_u8; 16];
        if watches[0].is_readable() && matches!(file::read(self.ready.as_fd(), &mut word), Ok(Transfer::Done(_))) {
            return Ok(self.helper);
        }
        let said = self.complaint();
        Err(Failure::new(FailureCode::Network, format!("{} did not start: {said}", self.name)))
    }

    fn complaint(&self) -> String {
        let mut buffer = [0_u8; COMPLAINT_LIMIT];
        let count = path::read_at(self.complaints.as_fd(), &mut buffer, 0).unwrap_or(0);
        let said = String::from_utf8_lossy(&buffer[..count]);
        // pasta writes to syslog too, and says so where there is none.
        let lines: Vec<_> = said.lines().filter(|line| !line.contains("to syslog")).collect();
        if lines.is_empty() { "it said nothing".to_owned() } else { lines.join("; ") }
    }
}
