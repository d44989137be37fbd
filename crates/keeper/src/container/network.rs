//! The way out of the container by a helper program, slirp4netns or pasta: started for one network namespace, ended with it.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use bunker_runtime::sandbox::OpenNamespaces;
use bunker_runtime::spec::Network;
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::file::{self, Transfer};
use bunker_sys::path;
use bunker_sys::poll::{self, Watch};
use bunker_sys::process::{self, Cloned};

use super::companion::Helper;

const STDERR: i32 = 2;
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

/// Makes the process of the helper this network asks for, if any. It begins when it is let go, after it has been written down:
/// should we die in between it ends, and from then on others find it.
pub fn prepare(network: &Network, namespaces: &OpenNamespaces) -> Result<Option<Starting>, Failure> {
    let program = match network {
        Network::None | Network::Host | Network::Shared | Network::Bridge { .. } => return Ok(None),
        Network::Slirp4netns { program } => slirp(program),
        Network::Pasta { program } => pasta(program),
    };
    let (waits, go) = file::pipe()?;
    let (ready, says_ready) = file::pipe()?;
    // In memory, not a pipe: it may complain for as long as it lives, with nobody to read.
    let complaints = file::memory_file(c"complaints")?;
    let name = program.name;
    let words: Vec<CString> = program.arguments.iter().filter_map(|word| CString::new(word.as_str()).ok()).collect();
    let given = [(&complaints, STDERR), (&namespaces.network, program.network), (&says_ready, program.ready)];
    let given = given.into_iter().chain(program.user.map(|number| (&namespaces.user, number)));
    let given: Vec<_> = given.map(|(fd, number)| (fd.as_fd(), number)).collect();
    match process::clone_process(0, None, false)? {
        Cloned::Parent { pid, pidfd } => {
            Ok(Some(Starting { helper: Helper::child(pid, pidfd), go, ready, complaints, name }))
        }
        Cloned::Child => {
            drop(go);
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

/// How a helper is called, and under which numbers it finds its namespaces and the pipe on which it says that it is ready.
struct Program {
    name: &'static str,
    arguments: Vec<String>,
    user: Option<i32>,
    network: i32,
    ready: i32,
}

/// The container must not reach the host's own loopback through the helper.
fn slirp(program: &str) -> Program {
    let (user, network, ready) = (3, 4, 5);
    let arguments = [
        program,
        "--configure",
        "--mtu=65520",
        "--disable-host-loopback",
        // An empty root, no capabilities, few system calls: it parses what the container sends.
        "--enable-sandbox",
        "--enable-seccomp",
        "--enable-ipv6",
        &format!("--ready-fd={ready}"),
        "--netns-type=path",
        &format!("--userns-path=/proc/self/fd/{user}"),
        &format!("/proc/self/fd/{network}"),
        "tap0",
    ];
    Program { name: "slirp4netns", arguments: arguments.map(str::to_owned).into(), user: Some(user), network, ready }
}

/// It closes everything above standard error before it looks for anything. It needs no user namespace: it runs in U, which has
/// power over the container's.
fn pasta(program: &str) -> Program {
    let (ready, network) = (0, 1);
    let fixed = "--config-net --foreground --quiet --no-map-gw --no-netns-quit --dns-forward 169.254.1.1 -t none -u none -T none -U none";
    let mut arguments = vec![program.to_owned()];
    arguments.extend(fixed.split(' ').map(str::to_owned));
    arguments.extend(["--pid".to_owned(), format!("/proc/self/fd/{ready}")]);
    arguments.extend(["--netns".to_owned(), format!("/proc/self/fd/{network}")]);
    Program { name: "pasta", arguments, user: None, network, ready }
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
