//! Locking a worker in: the directory it works on becomes all there is, before it looks at the first hostile byte.
//!
//! In U (where it may chown to the user's subordinate ids) the process gets a mount namespace of its own, in which a
//! bind mount of the one directory is the root and nothing else is mounted; what it may read besides comes as
//! descriptors of detached, read-only mounts, from which `..` leads nowhere. Then it gives up what it does not need:
//! capabilities, Landlock rights, limits, system calls (no sockets, no exec, no mounts, no namespaces, no new executable
//! memory). Each of these holds alone; a mistake in the unpacker meets all of them.

use std::os::fd::{AsFd, OwnedFd};

use bunker_sys::mount::{self, NODEV, NOEXEC, NOSUID, PRIVATE, RDONLY};
use bunker_sys::path::{self, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY};
use bunker_sys::{SysError, credential, file, landlock, namespace, process};

use crate::failure::{Failure, FailureCode};
use crate::{capability, seccomp};

/// What a worker may keep: giving files to any mapped owner with any mode, and file capabilities.
const CAPABILITIES: [&str; 5] = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETFCAP"];
/// Executing is nobody's business here, nor are devices and setuid bits of what we only write.
const CLOSED: u64 = NODEV | NOSUID | NOEXEC;
const RLIMIT_FSIZE: i32 = 1;
const RLIMIT_CORE: i32 = 4;
const RLIMIT_NOFILE: i32 = 7;
const RLIMIT_AS: i32 = 9;
/// zstd's largest window twice (256 MiB), the index of the largest layer (about 1 GiB) and stacks fit; no bomb does.
const MEMORY: u64 = 2 * 1024 * 1024 * 1024;
/// Measuring holds one for each level of a tree.
const FILES: u64 = 4096;
const ENOENT: i32 = 2;

/// What becomes a worker's `/`.
pub enum Root<'a> {
    /// An empty directory.
    Nothing,
    /// A directory to work on, absolute, without what is mounted below it.
    Directory(&'a str),
    /// What this makes in the worker's new mount namespace: a detached tree of mounts, or (`None`) nothing.
    Made { make: Box<dyn FnOnce() -> Result<Option<OwnedFd>, Failure> + 'a>, writable: bool },
}

/// What a worker needs to reach.
pub struct Needs<'a> {
    pub root: Root<'a>,
    /// Trees to read, absolute.
    pub trees: &'a [&'a str],
    /// Our own runtime directory: what has no place of its own is attached there, in our mount namespace.
    pub runtime_dir: &'a str,
    /// No file may become longer (RLIMIT_FSIZE); `None`: no limit.
    pub file_size: Option<u64>,
}

/// What it reaches.
pub struct Reach {
    /// The directory, open for reading; it is `/` now.
    pub root: OwnedFd,
    /// In the order asked for; `None`: it does not exist.
    pub trees: Vec<Option<OwnedFd>>,
}

/// Locks this process in, for good. It must be single-threaded, live in U, and hold no descriptor of a directory.
///
/// # Errors
/// `HostRefused` where the kernel does not allow it, `System` otherwise. The process must then end.
pub fn lock_in(needs: Needs<'_>) -> Result<Reach, Failure> {
    let fail = |error: SysError| {
        let code = if mount::is_refused(&error) { FailureCode::HostRefused } else { FailureCode::System };
        Failure::system(code, "locking the worker in", &error)
    };
    // Before descriptors are needed for each tree.
    let files = FILES + 3 * needs.trees.len() as u64;
    let (_, hard) = credential::limit(RLIMIT_NOFILE).map_err(fail)?;
    credential::set_limit(RLIMIT_NOFILE, files.min(hard), files.min(hard)).map_err(fail)?;
    namespace::unshare(namespace::MOUNT).map_err(fail)?;
    let everything = file::open("/", O_PATH | O_DIRECTORY).map_err(fail)?;
    mount::set_attributes(everything.as_fd(), 0, PRIVATE, true).map_err(fail)?;
    drop(everything);
    let Needs { root, trees, runtime_dir, file_size } = needs;
    let (root, writable) = match root {
        Root::Nothing => (NewRoot::Made(None), false),
        Root::Directory(path) => (NewRoot::Directory(path), true),
        Root::Made { make, writable } => (NewRoot::Made(make()?), writable),
    };
    let reach = move_in((root, writable), trees, runtime_dir).map_err(fail)?;
    give_up(&reach, writable, file_size).map_err(fail)?;
    // After everything else, as it forbids most of it.
    let program = seccomp::compile_worker()?;
    let program: Vec<_> = program.iter().map(|step| (step.code, step.jt, step.jf, step.k)).collect();
    credential::install_filter(&program).map_err(fail)?;
    Ok(reach)
}

/// A `Root` after what it makes was made.
enum NewRoot<'a> {
    Directory(&'a str),
    Made(Option<OwnedFd>),
}

fn move_in((root, writable): (NewRoot<'_>, bool), trees: &[&str], runtime_dir: &str) -> Result<Reach, SysError> {
    let trees = trees.iter().map(|tree| detach(tree)).collect::<Result<Vec<_>, _>>()?;
    let runtime = || file::open(runtime_dir, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    let (place, root) = match root {
        NewRoot::Directory(path) => {
            let place = file::open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW)?;
            let root = mount::clone_of(place.as_fd(), false)?;
            mount::set_attributes(root.as_fd(), CLOSED, 0, false)?;
            (place, root)
        }
        NewRoot::Made(Some(root)) => {
            let closed = if writable { CLOSED } else { CLOSED | RDONLY };
            mount::set_attributes(root.as_fd(), closed, PRIVATE, true)?;
            (runtime()?, root)
        }
        NewRoot::Made(None) => (runtime()?, mount::FilesystemContext::open("tmpfs")?.mount(CLOSED | RDONLY)?),
    };
    mount::attach(root.as_fd(), place.as_fd())?;
    mount::pivot_into(root.as_fd())?;
    Ok(Reach { root: file::open("/", O_RDONLY | O_DIRECTORY)?, trees })
}

/// A detached, read-only mount of a tree (or of a single file).
fn detach(tree: &str) -> Result<Option<OwnedFd>, SysError> {
    let place = match file::open(tree, O_PATH | O_NOFOLLOW) {
        Err(error) if error.errno == ENOENT => return Ok(None),
        other => other?,
    };
    let detached = mount::clone_of(place.as_fd(), false)?;
    mount::set_attributes(detached.as_fd(), CLOSED | RDONLY, 0, false)?;
    if !path::status(detached.as_fd())?.is_directory() {
        return Ok(Some(detached));
    }
    path::open_at(detached.as_fd(), b".", O_RDONLY | O_DIRECTORY, 0).map(Some)
}

fn give_up(reach: &Reach, writable: bool, file_size: Option<u64>) -> Result<(), SysError> {
    let kept = capability::set_of(&CAPABILITIES.map(str::to_owned)).unwrap_or(0);
    credential::limit_bounding_set(kept)?;
    credential::set_capabilities(kept, kept, 0)?;
    credential::set_no_new_privileges()?;
    process::set_dumpable(false)?;
    credential::set_limit(RLIMIT_CORE, 0, 0)?;
    credential::set_limit(RLIMIT_AS, MEMORY, MEMORY)?;
    if let Some(size) = file_size {
        credential::set_limit(RLIMIT_FSIZE, size, size)?;
    }
    let reading = landlock::READ_FILE | landlock::READ_DIRECTORY;
    let mut allowed = vec![(reach.root.as_fd(), if writable { reading | landlock::CHANGE } else { reading })];
    for tree in reach.trees.iter().flatten() {
        let is_directory = path::status(tree.as_fd())?.is_directory();
        allowed.push((tree.as_fd(), if is_directory { reading } else { landlock::READ_FILE }));
    }
    landlock::restrict(&allowed, landlock::Tcp::Forbidden).map(drop)
}
