//! Where another runtime makes the container: in the container's user namespace and a mount namespace of its own, the root file
//! system with all that is mounted in it, and the bundle's config.json; then this process becomes the runtime.
//!
//! Targets in the root are looked up and mounted here, before there is a /proc or /sys in it, so that no link of the image's leads
//! there. What belongs below the kernel's own places waits in `mounts` for the runtime to bind it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use bunker_sys::mount::{self, FilesystemContext};
use bunker_sys::{file, namespace, path, process};

use super::super::foreign::{BUNDLE, FIRST_KEPT, Invocation};
use super::super::launch::Prepared;
use super::super::report::Report;
use super::requested::{self, REPLACEABLE, Source};
use super::root::assemble;
use super::standard::{Tmpfs, clone_host, mount_tmpfs};
use super::{NOT_STARTED, account, begin, file as owned, identify, open_host_directory, open_workdir};
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::oci::{self, Bind, Facts};
use crate::sandbox::identity::{self, Identity};
use crate::spec::{Mount, OciRuntime, SandboxSpec};

/// The runtime mounts over them, whatever is there.
const KERNELS: [&str; 3] = ["/dev", "/proc", "/sys"];
/// CGROUP2_SUPER_MAGIC (statfs(2)).
const CGROUP2: i64 = 0x6367_7270;
/// Where our own program is for `--init`.
const INIT: &str = "/dev/init";
/// In the container's user namespace root may read it, others execute it.
const PROGRAM_MODE: u32 = 0o755;

/// Never returns but with the reason why it could not.
pub(super) fn become_runtime(runtime: &OciRuntime, prepared: &Prepared<'_>, sync: &OwnedFd) -> Failure {
    let made = build(prepared, sync).and_then(|()| {
        Report::Ready.send(sync, None)?;
        execute(runtime, prepared, sync)
    });
    let Err(failure) = made;
    failure
}

fn build(prepared: &Prepared<'_>, sync: &OwnedFd) -> Result<(), Failure> {
    let spec = prepared.spec;
    let hosts = begin(spec, sync)?;
    show_cgroups(spec);
    if spec.namespaces.time {
        // For its children (time_namespaces(7)).
        namespace::unshare(namespace::TIME)?;
    }
    let sources = requested::open_sources(spec, &hosts)?;
    let place = format!("{}/{BUNDLE}", spec.container_dir);
    let directory = open_host_directory(&spec.container_dir)?;
    let mut stage = Stage::open(&place)?;
    for target in oci::shared_places(spec) {
        let shared = prepared.shared_memory.as_ref().filter(|_| target == "/dev/shm");
        stage.put_shared(target, shared)?;
    }
    let root_place = format!("{place}/rootfs");
    let root = assemble(spec, &open_host_directory(&root_place)?, (prepared.served.as_ref(), &hosts))?;
    let (kernels, others): (Vec<_>, Vec<_>) =
        sources.into_iter().partition(|source| is_kernels(source.wanted.target()));
    requested::fill_all(&kernels, root.as_fd(), false)?;
    for source in &kernels {
        ensure_replaceable(source.wanted)?;
        stage.put(source.wanted.target(), source.mounted.as_fd(), source.is_directory)?;
    }
    requested::attach_all(&others, root.as_fd(), None, false)?;
    ensure_visible(&others, root.as_fd(), &root_place)?;
    owned::place_all(spec, directory.as_fd(), root.as_fd())?;
    let identity = settle_identity(spec, root.as_fd(), [&kernels, &others])?;
    if !is_kernels(&spec.process.cwd) {
        open_workdir(root.as_fd(), &spec.process.cwd, true)?;
    }
    if spec.process.no_new_privileges {
        mount::set_attributes(root.as_fd(), mount::NOSUID, 0, false)?;
    }
    if let Some(program) = &prepared.own_program {
        stage.put_program(program)?;
    }
    let facts = Facts {
        root: &root_place,
        identity: &identity,
        init: prepared.own_program.as_ref().map(|_| (INIT, first_free(spec))),
        binds: &stage.binds,
        has_cgroup: has_cgroups(),
    };
    let text = oci::translate(spec, &facts)?.to_string();
    Ok(file::replace(&format!("{place}/config.json"), text.as_bytes())?)
}

fn settle_identity(spec: &SandboxSpec, root: BorrowedFd<'_>, sources: [&[Source<'_>]; 2]) -> Result<Identity, Failure> {
    account::add_lines(&spec.host_users, root)?;
    let identity = identify(root, &spec.process.user, &spec.process.group_add)?;
    if let Some(account) = &spec.account {
        account::add(account, &spec.process, &identity, root)?;
    }
    for part in sources {
        requested::give_all(part, (identity.uid, identity.gid))?;
    }
    let maps = &spec.user_namespace;
    identity::ensure_mapped(&identity, &maps.container_uid_map, &maps.container_gid_map)?;
    Ok(identity)
}

fn is_kernels(target: &str) -> bool {
    KERNELS.iter().any(|place| target.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// In /proc only what flags may replace there; never one of the places as a whole.
fn ensure_replaceable(wanted: &Mount) -> Result<(), Failure> {
    let target = wanted.target();
    let is_allowed = match target.strip_prefix("/proc") {
        Some(rest) => matches!(wanted, Mount::Bind { .. }) && REPLACEABLE.contains(&rest.trim_start_matches('/')),
        None => !KERNELS.contains(&target),
    };
    if is_allowed {
        return Ok(());
    }
    let message = format!("\"{target}\" is the OCI runtime's own place: nothing can be mounted there");
    Err(Failure::new(FailureCode::BadPath, message))
}

/// A link of the image's that leads below one of the runtime's own mounts would hide what is asked for.
fn ensure_visible(sources: &[Source<'_>], root: BorrowedFd<'_>, place: &str) -> Result<(), Failure> {
    let descriptors = file::open("/proc/self/fd", path::O_PATH | path::O_DIRECTORY)?;
    for source in sources {
        let target = source.wanted.target();
        let found = inroot::open(root, target.as_bytes(), path::O_PATH)?;
        let real = path::read_link_at(descriptors.as_fd(), found.as_raw_fd().to_string().as_bytes())?;
        let inside = String::from_utf8_lossy(real.strip_prefix(place.as_bytes()).unwrap_or_default());
        if is_kernels(&inside) {
            let message = format!("\"{target}\" leads to \"{inside}\", where the OCI runtime mounts its own");
            return Err(Failure::new(FailureCode::BadPath, message));
        }
    }
    Ok(())
}

/// Mounts for the runtime to bind, each at a number in a file system that nobody else sees.
struct Stage {
    place: String,
    directory: OwnedFd,
    binds: Vec<Bind>,
}

impl Stage {
    fn open(bundle: &str) -> Result<Self, Failure> {
        let place = format!("{bundle}/mounts");
        let directory =
            mount_tmpfs(&Tmpfs { mode: "700", size: None, owner: [("uid", None), ("gid", None)] }, mount::NODEV)?;
        mount::attach(directory.as_fd(), open_host_directory(&place)?.as_fd())?;
        Ok(Self { place, directory, binds: Vec::new() })
    }

    fn put(&mut self, target: &str, mounted: BorrowedFd<'_>, is_directory: bool) -> Result<(), Failure> {
        let name = self.binds.len().to_string();
        let flags = path::O_PATH | path::O_NOFOLLOW;
        if is_directory {
            path::make_directory_at(self.directory.as_fd(), name.as_bytes(), 0o755)?;
        } else {
            let new = path::O_CREAT | path::O_EXCL | path::O_RDONLY;
            path::open_at(self.directory.as_fd(), name.as_bytes(), new | path::O_NOFOLLOW, 0o644)?;
        }
        let point = path::open_at(self.directory.as_fd(), name.as_bytes(), flags, 0)?;
        mount::attach(mounted, point.as_fd())?;
        let options = options_of(mount::attributes(mounted)?);
        self.binds.push(Bind { target: target.to_owned(), source: format!("{}/{name}", self.place), options });
        Ok(())
    }

    /// The host's own at the same place, unless it is another container's.
    fn put_shared(&mut self, target: &str, shared: Option<&OwnedFd>) -> Result<(), Failure> {
        if let Some(mounted) = shared {
            return self.put(target, mounted.as_fd(), true);
        }
        if file::open(target, path::O_PATH | path::O_DIRECTORY).is_err() {
            return Ok(());
        }
        // As the built-in sandbox shows them: what lies in the kernel's trees is read-only, what processes share is not.
        let access = if target.starts_with("/sys") { mount::RDONLY } else { 0 };
        let mounted = clone_host(target, access | mount::NOSUID | mount::NODEV | mount::NOEXEC)?;
        self.put(target, mounted.as_fd(), true)
    }

    /// A copy: the keeper's own is in no file system.
    fn put_program(&mut self, program: &OwnedFd) -> Result<(), Failure> {
        let flags = path::O_CREAT | path::O_EXCL | path::O_WRONLY | path::O_NOFOLLOW;
        let copy = path::open_at(self.directory.as_fd(), b"program", flags, PROGRAM_MODE)?;
        let mut buffer = vec![0; 64 * 1024];
        let mut offset = 0;
        loop {
            let count = path::read_at(program.as_fd(), &mut buffer, offset)?;
            if count == 0 {
                break;
            }
            path::write_all(copy.as_fd(), &buffer[..count])?;
            offset += count as u64;
        }
        path::change_mode(copy.as_fd(), PROGRAM_MODE)?;
        drop(copy);
        let shown = path::open_at(self.directory.as_fd(), b"program", path::O_PATH | path::O_NOFOLLOW, 0)?;
        let mounted = mount::clone_of(shown.as_fd(), false)?;
        mount::set_attributes(mounted.as_fd(), mount::RDONLY | mount::NOSUID | mount::NODEV, mount::PRIVATE, false)?;
        self.put(INIT, mounted.as_fd(), false)
    }
}

fn options_of(attributes: u64) -> Vec<&'static str> {
    let words = [(mount::RDONLY, "ro"), (mount::NOSUID, "nosuid"), (mount::NODEV, "nodev"), (mount::NOEXEC, "noexec")];
    words.iter().filter(|(attribute, _)| attributes & attribute != 0).map(|(_, word)| *word).collect()
}

fn has_cgroups() -> bool {
    let flags = path::O_PATH | path::O_DIRECTORY;
    file::open("/sys/fs/cgroup", flags).and_then(mount::filesystem_type).is_ok_and(|kind| kind == CGROUP2)
}

/// A runtime looks at /sys/fs/cgroup to learn what kind of host this is, and refuses some, although it is to manage no group. It gets
/// to see what the container will.
fn show_cgroups(spec: &SandboxSpec) {
    if has_cgroups() || !spec.namespaces.cgroup {
        return;
    }
    let show = || -> Result<(), Failure> {
        namespace::unshare(namespace::CGROUP)?;
        let tree = FilesystemContext::open("cgroup2")?.mount(mount::NOSUID | mount::NODEV | mount::NOEXEC)?;
        let place = file::open("/sys/fs/cgroup", path::O_PATH | path::O_DIRECTORY)?;
        Ok(mount::attach(tree.as_fd(), place.as_fd())?)
    };
    // Where that cannot be, it is the runtime that says so.
    let _ = show();
}

/// Behind those that the process keeps.
fn first_free(spec: &SandboxSpec) -> i32 {
    spec.process.kept_fds.iter().max().map_or(FIRST_KEPT, |last| last + 1)
}

/// Standard streams are the container's; where it has a terminal, which comes by the socket, they lead nowhere.
fn execute(runtime: &OciRuntime, prepared: &Prepared<'_>, sync: &OwnedFd) -> Result<std::convert::Infallible, Failure> {
    let invocation = Invocation::new(runtime, prepared.spec);
    let words = invocation.create(prepared.spec);
    let program = words.first().cloned().unwrap_or_default();
    let place = open_host_directory(&format!("{}/{BUNDLE}", prepared.spec.container_dir))?;
    file::change_directory(place.as_fd())?;
    process::reset_signals();
    let mut first_closed = first_free(prepared.spec);
    // All out of the way before the first takes its place.
    let above = |fd: &OwnedFd| file::duplicate_above(fd.as_fd(), first_closed + 1);
    let null = file::open("/dev/null", path::O_RDWR)?;
    let streams = match &prepared.handed.streams {
        Some(streams) => [&streams.stdin, &streams.stdout, &streams.stderr],
        None => [&null, &null, &null],
    };
    let report = above(sync)?;
    let placed = streams.into_iter().map(above).chain(prepared.handed.kept.iter().map(above));
    let placed = placed.collect::<Result<Vec<_>, _>>()?;
    for (number, fd) in (0..FIRST_KEPT).chain(prepared.spec.process.kept_fds.iter().copied()).zip(&placed) {
        file::place(fd.as_fd(), number)?;
    }
    if prepared.own_program.is_some() {
        file::place(report.as_fd(), first_closed)?;
        first_closed += 1;
    }
    file::close_from_at_exec(first_closed)?;
    let error = process::execute(&program, &words, &[]);
    let failure = Failure::system(FailureCode::System, "starting the OCI runtime", &error);
    // Its first number may be another's by now.
    Report::Failed(failure).send(&report, None)?;
    process::exit(NOT_STARTED)
}
