//! The overlay of a host whose kernel mounts none for us: fuse-overlayfs shows the layers through FUSE.
//!
//! We mount, it only serves. A process in U with a mount namespace of its own opens /dev/fuse, makes a detached mount of it that
//! belongs to U, hands that over and becomes the program, which finds the device as /dev/fd/3: so it needs no power to mount, and
//! what is mounted is nowhere but where the receiver puts it. When nobody has it mounted any more the kernel closes the device,
//! and the program ends by itself. When the program is killed everything below the mount fails with ENOTCONN.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use bunker_sys::mount::{self, FilesystemContext};
use bunker_sys::process::{self, Cloned};
use bunker_sys::{SysError, SysResult, credential, file, landlock, namespace, path, socket};

use super::inside::{Changes, Stack};
use super::report::{Report, Word};
use crate::capability;
use crate::failure::{Failure, FailureCode};
use crate::spec::{RootFilesystem, SandboxSpec};

const DEVICE: &str = "/dev/fuse";
const STDERR: i32 = 2;
const DEVICE_FD: i32 = 3;
const FIRST_LAYER_FD: i32 = 4;
const RLIMIT_NOFILE: i32 = 7;
const NOT_STARTED: i32 = 127;
const COMPLAINT_LIMIT: usize = 400;
/// Giving files to any mapped owner with any mode; it has files of all its container's users open.
const CAPABILITIES: [&str; 6] =
    ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_SETFCAP"];

/// A process that shows a root as soon as it is let go. Dropped before that it ends.
pub struct RootServer {
    pub pid: i32,
    pub pidfd: OwnedFd,
    /// Detached. Whoever looks into it waits until the program serves.
    pub(super) mounted: OwnedFd,
    go: OwnedFd,
    complaints: OwnedFd,
}

/// The server of a container's root, if it needs one. Must run in U, with one thread, before anything of the container looks at its
/// layers.
///
/// # Errors
/// `HostRefused` where FUSE cannot be mounted.
pub fn serve_root(spec: &SandboxSpec) -> Result<Option<RootServer>, Failure> {
    let RootFilesystem::Overlay { program: Some(program), lower, upper, work, volatile, .. } = &spec.root else {
        return Ok(None);
    };
    let changes = Some(Changes { upper, work, volatile: *volatile });
    serve(program, &Stack { lower, changes, is_first_start: spec.generation == 1 }).map(Some)
}

pub(super) fn serve(program: &str, stack: &Stack<'_>) -> Result<RootServer, Failure> {
    stack.inherit_root()?;
    let (go, theirs) = socket::packet_pair()?;
    // In memory, not a pipe: it may complain for as long as it lives, with nobody to read.
    let complaints = file::memory_file(c"complaints")?;
    match process::clone_process(namespace::MOUNT, None, false)? {
        Cloned::Child => {
            drop(go);
            if let Err(failure) = become_server((program, stack), &theirs, &complaints) {
                let _ = Report::Failed(failure).send(&theirs, None);
            }
            process::exit(NOT_STARTED)
        }
        Cloned::Parent { pid, pidfd } => {
            drop(theirs);
            let mounted = match Report::receive(&go)? {
                Some((Report::Ready, mut mounts)) => mounts.pop().ok_or_else(unexplained),
                Some((Report::Failed(failure), _)) => Err(failure),
                _ => Err(unexplained()),
            };
            match mounted {
                Ok(mounted) => Ok(RootServer { pid, pidfd, mounted, go, complaints }),
                Err(failure) => {
                    process::wait_child(pid, true)?;
                    Err(failure)
                }
            }
        }
    }
}

/// Whether it keeps what a container does: some file systems have no room for its marks, and some programs take no open device.
pub(super) fn try_serving(program: &str, stack: &Stack<'_>) -> Result<(), Failure> {
    let server = serve(program, stack)?;
    server.go()?;
    let removed = path::remove_directory_at(server.mounted.as_fd(), b"removed")
        .and_then(|()| path::make_directory_at(server.mounted.as_fd(), b"removed", 0o700));
    removed.map_err(|error| server.explain(Failure::system(FailureCode::HostRefused, "fuse-overlayfs", &error)))
}

fn unexplained() -> Failure {
    Failure::new(FailureCode::System, "the process that was to show the container's root ended without a word")
}

/// Returns only with a failure.
fn become_server((program, stack): (&str, &Stack<'_>), channel: &OwnedFd, complaints: &OwnedFd) -> Result<(), Failure> {
    let device = file::open(DEVICE, path::O_RDWR).map_err(|error| refused(&format!("opening {DEVICE}"), &error))?;
    let mounted = mount_device(&device).map_err(|error| refused("mounting FUSE", &error))?;
    Report::Ready.send(channel, Some(&mounted))?;
    drop(mounted);
    // Its maker writes it down first: should that one die before, we do not begin.
    Word::Go.wait(channel)?;
    let options = place_all(stack, &device, complaints)?;
    let words = [program, "-f", "-o", &options, &format!("/dev/fd/{DEVICE_FD}")];
    let words: Vec<CString> = words.iter().filter_map(|word| CString::new(*word).ok()).collect();
    let kept = capability::set_of(&CAPABILITIES.map(str::to_owned)).unwrap_or(0);
    credential::limit_bounding_set(kept)?;
    credential::set_capabilities(kept, kept, 0)?;
    credential::set_no_new_privileges()?;
    restrict(stack)?;
    credential::set_umask(0);
    process::reset_signals();
    let error = process::execute(&words[0], &words, &[]);
    // The channel's number is somebody else's by now.
    file::write_all(file::inherited(STDERR)?.as_fd(), error.to_string().as_bytes())?;
    process::exit(NOT_STARTED)
}

/// It obeys whoever is in the container, and is a big program: should it be made to do more, there is nothing of the user's that it
/// could write to, and nobody that it could talk to.
fn restrict(stack: &Stack<'_>) -> SysResult<()> {
    let open = |place: &str| file::open(place, path::O_PATH | path::O_DIRECTORY);
    let reading = landlock::READ_FILE | landlock::READ_DIRECTORY;
    let changes = stack.changes.iter().flat_map(|changes| [changes.upper, changes.work]);
    let changes = changes.map(open).collect::<SysResult<Vec<OwnedFd>>>()?;
    let everything = open("/")?;
    let mut allowed = vec![(everything.as_fd(), reading | landlock::EXECUTE)];
    allowed.extend(changes.iter().map(|place| (place.as_fd(), reading | landlock::CHANGE | landlock::MAKE_SOCKET)));
    landlock::restrict(&allowed, landlock::Tcp::Forbidden).map(drop)
}

fn refused(what: &str, error: &SysError) -> Failure {
    let code = if mount::is_refused(error) { FailureCode::HostRefused } else { FailureCode::System };
    Failure::system(code, what, error)
}

/// Open to all of U and below (`allow_other`), with the kernel judging modes as everywhere (`default_permissions`).
fn mount_device(device: &OwnedFd) -> SysResult<OwnedFd> {
    let context = FilesystemContext::open("fuse")?;
    context.set("source", "fuse-overlayfs")?;
    context.set("subtype", "fuse-overlayfs")?;
    let number = std::os::fd::AsRawFd::as_raw_fd(device).to_string();
    for (key, value) in [("fd", number.as_str()), ("rootmode", "40000"), ("user_id", "0"), ("group_id", "0")] {
        context.set(key, value)?;
    }
    context.set_flag("allow_other")?;
    context.set_flag("default_permissions")?;
    context.mount(mount::NODEV)
}

/// Everything under the numbers at which the program finds it; its options, which name layers by those.
fn place_all(stack: &Stack<'_>, device: &OwnedFd, complaints: &OwnedFd) -> SysResult<String> {
    let flags = path::O_PATH | path::O_DIRECTORY;
    let changes = stack.changes.as_ref();
    let paths = stack
        .lower
        .iter()
        .map(String::as_str)
        .chain(changes.into_iter().flat_map(|changes| [changes.upper, changes.work]));
    let paths: Vec<&str> = paths.collect();
    let count = i32::try_from(paths.len()).unwrap_or(i32::MAX / 2);
    let (_, hard) = credential::limit(RLIMIT_NOFILE)?;
    credential::set_limit(RLIMIT_NOFILE, hard, hard)?;
    let null = file::open("/dev/null", path::O_RDWR)?;
    let opened: Vec<OwnedFd> = paths.iter().map(|place| file::open(place, flags)).collect::<SysResult<_>>()?;
    let fixed = [&null, &null, complaints, device];
    // First out of the way of the targets, then down to them.
    let first_other = FIRST_LAYER_FD + count;
    let high = fixed.into_iter().chain(&opened).map(|fd| file::duplicate_above(fd.as_fd(), first_other));
    let high = high.collect::<SysResult<Vec<OwnedFd>>>()?;
    // What they were opened as lies among the targets, and is replaced.
    opened.into_iter().chain([null]).for_each(std::mem::forget);
    for (number, source) in (0..).zip(&high) {
        file::place(source.as_fd(), number)?;
    }
    file::close_from_at_exec(first_other)?;
    Ok(options(stack.lower.len(), changes.map(|changes| changes.volatile)))
}

/// `changes`: whether what is written may be lost with the machine.
fn options(lower: usize, changes: Option<bool>) -> String {
    let name = |at: usize| format!("/proc/self/fd/{}", FIRST_LAYER_FD as usize + at);
    let layers: Vec<String> = (0..lower).map(name).collect();
    // What a process has written is the program's at once: nothing is lost should that be killed.
    let mut options = format!("writeback=0,lowerdir={}", layers.join(":"));
    if let Some(volatile) = changes {
        options.push_str(&format!(",upperdir={},workdir={}", name(lower), name(lower + 1)));
        if volatile {
            options.push_str(",volatile");
        }
    }
    options
}

impl RootServer {
    /// Lets it begin.
    ///
    /// # Errors
    /// When it is gone.
    pub fn go(&self) -> Result<(), Failure> {
        Word::Go.send(&self.go)
    }

    /// A failure of the sandbox's with the server's own words, if it has ended with some.
    #[must_use]
    pub fn explain(&self, failure: Failure) -> Failure {
        let mut buffer = [0_u8; COMPLAINT_LIMIT];
        let count = path::read_at(self.complaints.as_fd(), &mut buffer, 0).unwrap_or(0);
        let said = String::from_utf8_lossy(&buffer[..count]);
        let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("unknown argument ignored")).collect();
        if lines.is_empty() {
            return failure;
        }
        let message = format!("{} (fuse-overlayfs: {})", failure.message, lines.join("; "));
        Failure { message, ..failure }
    }

    /// Lets it begin, and leaves it alone: it ends with the last who has its mount.
    pub(super) fn begin(self) -> Result<OwnedFd, Failure> {
        self.go()?;
        Ok(self.mounted)
    }
}
