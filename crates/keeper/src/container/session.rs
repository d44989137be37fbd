//! A process in the container with its streams: the container's own, or one that exec started.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use bunker_runtime::Failure;
use bunker_runtime::sandbox::{Handed, Streams};
use bunker_runtime::spec::Process;
use bunker_sys::poll::Watch;
use bunker_sys::process::{self, Ended};
use bunker_sys::{SysResult, file, path, terminal};

use super::detach_keys::DetachKeys;
use super::log::Stream;
use super::stream::{Input, Output};

/// The largest pipe a user may make (fs.pipe-max-size, 1 MiB), in reads of a usual pipe's capacity, and one for the rest.
const LAST_READS: usize = 17;

/// One process and what goes in and out of it.
pub struct Session {
    pub pid: i32,
    pub pidfd: OwnedFd,
    pub outputs: Vec<Output>,
    pub input: Option<Input>,
    terminal: Option<OwnedFd>,
    /// Our child, whose end we reap; else one that we only watch.
    is_child: bool,
    /// Since when one that we only watch has been dead, but not reaped: until then nobody is told how it ended.
    dead_since: Option<Instant>,
    end: Option<Option<Ended>>,
}

/// Init reaps at once; one that does not in this time (PID 1 of some virtual machines and containers) may never do.
const REAPING_PATIENCE: Duration = Duration::from_secs(5);

/// The process's ends of its streams and ours.
pub struct Ends {
    pub theirs: Option<Streams>,
    outputs: Vec<Output>,
    input: Option<OwnedFd>,
}

impl Ends {
    /// Pipes for an exec; nothing where it gets a terminal.
    pub fn pipes(process: &Process) -> SysResult<Self> {
        if process.terminal {
            return Ok(Self { theirs: None, outputs: Vec::new(), input: None });
        }
        let (out_read, stdout) = file::pipe()?;
        let (error_read, stderr) = file::pipe()?;
        let (stdin, input) = standard_input(process)?;
        let outputs = vec![Output::new(out_read, Stream::Stdout), Output::new(error_read, Stream::Stderr)];
        Ok(Self { theirs: Some(Streams { stdin, stdout, stderr }), outputs, input })
    }

    /// Named FIFOs in the container's directory, which a later keeper can open again: what was not read yet is not lost.
    pub fn fifos(process: &Process, container_dir: &str) -> SysResult<Self> {
        if process.terminal {
            return Ok(Self { theirs: None, outputs: Vec::new(), input: None });
        }
        let (out, error) = (format!("{container_dir}/stdout"), format!("{container_dir}/stderr"));
        for place in [&out, &error] {
            file::remove(place)?;
            file::make_fifo(place)?;
        }
        let outputs = open_fifos(container_dir)?;
        // Held for reading too: no SIGPIPE when a keeper dies.
        let theirs = |place: &str| file::open(place, path::O_RDWR);
        let (stdin, input) = standard_input(process)?;
        Ok(Self { theirs: Some(Streams { stdin, stdout: theirs(&out)?, stderr: theirs(&error)? }), outputs, input })
    }
}

impl Ends {
    /// The process's ends, and the caller's descriptors that it is to have besides.
    pub fn take_theirs(&mut self, kept: Vec<OwnedFd>) -> Handed {
        Handed { streams: self.theirs.take(), kept, gate: None }
    }
}

/// The keeper's ends of a container's FIFOs.
pub fn open_fifos(container_dir: &str) -> SysResult<Vec<Output>> {
    let open = |name: &str| file::open(&format!("{container_dir}/{name}"), path::O_RDONLY | path::O_NONBLOCK);
    Ok(vec![Output::new(open("stdout")?, Stream::Stdout), Output::new(open("stderr")?, Stream::Stderr)])
}

fn standard_input(process: &Process) -> SysResult<(OwnedFd, Option<OwnedFd>)> {
    if !process.open_stdin {
        return Ok((file::open("/dev/null", path::O_RDONLY)?, None));
    }
    let (read, write) = file::pipe()?;
    Ok((read, Some(write)))
}

impl Session {
    /// Of a process that was just made. `ends.theirs` must be dropped by the caller: while we hold them, no stream ends.
    pub fn new(process: (i32, OwnedFd), terminal: Option<OwnedFd>, ends: Ends, once: bool) -> SysResult<Self> {
        let (pid, pidfd) = process;
        let mut session = Self {
            pid,
            pidfd,
            outputs: ends.outputs,
            input: None,
            terminal: None,
            is_child: true,
            dead_since: None,
            end: None,
        };
        session.input = ends.input.map(|target| Input::new(target, once));
        if let Some(master) = terminal {
            session.outputs = vec![Output::new(file::duplicate(master.as_fd())?, Stream::Stdout)];
            // A terminal's input is never closed: its end is typed (Ctrl-D).
            session.input = Some(Input::new(file::duplicate(master.as_fd())?, false));
            session.terminal = Some(master);
        }
        Ok(session)
    }

    /// Of a container whose keeper died: its FIFOs, no input (the writing end died with that keeper).
    pub fn adopted(pid: i32, pidfd: OwnedFd, outputs: Vec<Output>) -> Self {
        Self { pid, pidfd, outputs, input: None, terminal: None, is_child: false, dead_since: None, end: None }
    }

    /// Connects a client's descriptors, which come in the order stdin, stdout, stderr, as far as they are wanted.
    pub fn attach(&mut self, client: u64, wanted: &super::protocol::Streams, fds: Vec<OwnedFd>) -> Result<(), Failure> {
        let keys = DetachKeys::parse(if self.terminal.is_some() { &wanted.detach_keys } else { "" })?;
        let mut fds = fds.into_iter();
        if wanted.stdin
            && let Some(fd) = fds.next()
            && let Some(input) = &mut self.input
        {
            input.connect(client, fd, keys);
        }
        for (is_wanted, stream) in [(wanted.stdout, Stream::Stdout), (wanted.stderr, Stream::Stderr)] {
            if !is_wanted {
                continue;
            }
            let Some(fd) = fds.next() else { continue };
            if let Some(output) = self.outputs.iter_mut().find(|output| output.stream == stream) {
                output.add_sink(client, fd);
            }
        }
        Ok(())
    }

    pub fn remove_client(&mut self, client: u64) {
        for output in &mut self.outputs {
            output.remove_client(client);
        }
        if let Some(input) = &mut self.input {
            input.remove_client(client);
        }
    }

    pub fn resize(&self, rows: u16, columns: u16) -> Result<(), Failure> {
        match &self.terminal {
            Some(master) => Ok(terminal::set_size(master.as_fd(), rows, columns)?),
            None => Ok(()),
        }
    }

    pub fn signal(&self, number: i32) -> SysResult<()> {
        process::signal(self.pidfd.as_fd(), number)
    }

    /// Of a dead one only the hang-up, which comes when it is reaped.
    pub fn pidfd_watch(&self) -> Option<Watch> {
        self.end.is_none().then(|| Watch::new(self.pidfd.as_fd(), self.dead_since.is_none(), false))
    }

    /// How long its end may still be kept from us.
    pub fn patience(&self) -> Option<Duration> {
        self.dead_since.filter(|_| self.end.is_none()).map(|since| REAPING_PATIENCE.saturating_sub(since.elapsed()))
    }

    /// How one that we only watch ended; `None`: that may still be told.
    fn observe_stranger(&mut self) -> Option<Option<Ended>> {
        match process::exit_of_stranger(self.pidfd.as_fd()) {
            Ok(None) => {
                let since = *self.dead_since.get_or_insert_with(Instant::now);
                (since.elapsed() >= REAPING_PATIENCE).then_some(None)
            }
            Ok(end) => Some(end),
            Err(_) => Some(None),
        }
    }

    /// Takes note of the end if it has come, and reads what the process still left in its streams, however slow the readers.
    /// Clients whose reader has gone come back; `None`: it runs on.
    pub fn observe_end(
        &mut self,
        buffer: &mut [u8],
        mut keep: impl FnMut(Stream, &[u8]),
    ) -> SysResult<Option<Vec<u64>>> {
        let observed =
            if self.is_child { process::wait_child(self.pid, false)?.map(Some) } else { self.observe_stranger() };
        if observed.is_none() {
            return Ok(None);
        }
        self.end = observed;
        let mut gone = Vec::new();
        for output in &mut self.outputs {
            // What another process writes on and on is no longer this one's.
            let mut reads = LAST_READS;
            while reads > 0 {
                let Some(clients) = output.pump(buffer, &mut keep) else { break };
                gone.extend(clients);
                reads -= 1;
            }
            output.close_source();
        }
        self.input = None;
        Ok(Some(gone))
    }

    /// `Some(None)`: ended, nobody saw how.
    pub fn end(&self) -> Option<Option<Ended>> {
        self.end
    }

    /// Whether a client has all of the output.
    pub fn is_flushed_to(&self, client: u64) -> bool {
        self.outputs.iter().all(|output| output.is_flushed_to(client))
    }
}
