//! The user's namespace U: one per user and data home, mapped once, joined by every keeper and worker.
//!
//! `<user runtime directory>/u.lock` is held while somebody joins or makes U; `u/<pid>-<start time>-<boot id>` (an empty file,
//! which even a full disk has room for) names each process that lives in it. Whoever comes next takes U from any of them, else
//! from a running container's PID 1, whose namespace is U's child; only if nobody is alive is U made anew, so there are never two.

use bunker_sys::process::{self, Cloned};
use bunker_sys::{SysError, credential, file, lock, namespace};
use serde::Deserialize;
use std::ffi::CString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use crate::failure::{Failure, FailureCode};
use crate::spec::{IdMapping, UserNamespace};

/// In U's own list of names; see `credential::join_empty_keyring`.
const KEYRING: &std::ffi::CStr = c"bunker";
/// What a refused newuidmap says is shorter.
const COMPLAINT_LIMIT: usize = 400;

/// This process's place in U's register; given up by dropping it.
pub struct Membership {
    path: String,
}

impl Drop for Membership {
    fn drop(&mut self) {
        // A leftover is harmless: its start time no longer fits.
        let _ = file::remove(&self.path);
    }
}

/// Moves this (single-threaded) process into U, made if it does not live anywhere, and into the one keyring of U.
///
/// # Errors
/// `HostRefused` when user namespaces or the mapping cannot be had.
pub fn enter(request: &UserNamespace, user_runtime_dir: &str) -> Result<Membership, Failure> {
    let register = format!("{user_runtime_dir}/u");
    let _held = join_or_make(request, user_runtime_dir, &register)?;
    let membership = self::register(user_runtime_dir)?;
    hide_keys()?;
    Ok(membership)
}

/// Writes this process, which lives in U already, into U's register.
///
/// # Errors
/// Of creating the file.
pub fn register(user_runtime_dir: &str) -> Result<Membership, Failure> {
    let pid = process::own_pid();
    let started = process::start_time(pid).unwrap_or(0);
    let membership = Membership { path: format!("{user_runtime_dir}/u/{pid}-{started}-{}", process::boot_id()) };
    fs::File::create(&membership.path)
        .map_err(|error| SysError::from_io(format!("creat({:?})", membership.path), &error))?;
    Ok(membership)
}

/// As `enter`, and from U on into a namespace under it with a container's map, as its root: what is made there belongs to whom it does
/// in such a container. Not in the register, for whoever looked for U here would find something else.
///
/// # Errors
/// `HostRefused` when the kernel refuses.
pub fn enter_mapped(request: &UserNamespace, user_runtime_dir: &str) -> Result<(), Failure> {
    let _held = join_or_make(request, user_runtime_dir, &format!("{user_runtime_dir}/u"))?;
    hide_keys()?;
    nest(request)
}

/// In U when this returns, with its lock held.
fn join_or_make(request: &UserNamespace, user_runtime_dir: &str, register: &str) -> Result<OwnedFd, Failure> {
    ignore_existing(fs::create_dir(register), register)?;
    let held = lock::wait(&format!("{user_runtime_dir}/u.lock"))?;
    match find(register).or_else(|| find_by_container(user_runtime_dir)) {
        Some(living) => namespace::join(living.as_fd(), namespace::USER)
            .map_err(|error| refused("joining the user's namespace", &error))?,
        None => make(request)?,
    }
    Ok(held)
}

/// The caller's session keyring is none of a container's business.
///
/// # Errors
/// When there are keys and they cannot be left.
pub fn hide_keys() -> Result<(), Failure> {
    // Some kernels are built without keys: then there is nothing to hide either.
    match credential::join_empty_keyring(KEYRING) {
        Err(error) if error.errno != ENOSYS => {
            Err(Failure::system(FailureCode::System, "joining an empty keyring", &error))
        }
        _ => Ok(()),
    }
}

const ENOSYS: i32 = 38;

fn ignore_existing(made: std::io::Result<()>, path: &str) -> Result<(), Failure> {
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(SysError::from_io(format!("mkdir({path:?})"), &error).into())
        }
        _ => Ok(()),
    }
}

/// U from a registered process that is alive; what the dead left is tidied on the way.
fn find(register: &str) -> Option<OwnedFd> {
    let boot = process::boot_id();
    for entry in fs::read_dir(register).ok()?.flatten() {
        let member = entry.file_name().to_str().and_then(|name| parse_member(name, &boot));
        if let Some(living) = member.and_then(open_if_same) {
            return Some(living);
        }
        let _ = fs::remove_file(entry.path());
    }
    None
}

/// Pid and start time; `None`: of another boot, or no name of ours.
fn parse_member(name: &str, boot: &str) -> Option<(i32, u64)> {
    let mut parts = name.splitn(3, '-');
    let member = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (parts.next()? == boot).then_some(member)
}

/// The user namespace of a process, if it still is the one that started then.
fn open_if_same((pid, started): (i32, u64)) -> Option<OwnedFd> {
    // Opened first, compared after: what is compared is then surely what was opened.
    let living = namespace::open(pid, "user").ok()?;
    (process::start_time(pid) == Some(started)).then_some(living)
}

/// The part of a keeper's state file that leads to its container.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    pid: i32,
    start_time: u64,
    boot_id: String,
    shares_user_namespace: bool,
}

/// U as the parent of a container's namespace, for when every keeper was killed and containers live on.
fn find_by_container(user_runtime_dir: &str) -> Option<OwnedFd> {
    let boot = process::boot_id();
    for entry in fs::read_dir(format!("{user_runtime_dir}/c")).ok()?.flatten() {
        let Ok(text) = fs::read(entry.path().join("state.json")) else { continue };
        let Ok(state) = serde_json::from_slice::<State>(&text) else { continue };
        if state.boot_id != boot {
            continue;
        }
        let Some(own) = open_if_same((state.pid, state.start_time)) else { continue };
        if state.shares_user_namespace {
            return Some(own);
        }
        if let Ok(parent) = namespace::parent(own.as_fd()) {
            return Some(parent);
        }
    }
    None
}

/// A process that is started before U is made, waits outside, and then maps U's ids.
struct Mapper {
    pid: i32,
    complaints: OwnedFd,
    program: String,
}

/// Moves this (single-threaded) process into a new user namespace with the request's map. Its own ids stay what they are.
///
/// # Errors
/// `HostRefused` when the kernel does not allow it.
pub fn make(request: &UserNamespace) -> Result<(), Failure> {
    let (Some(newuidmap), Some(newgidmap)) = (&request.newuidmap, &request.newgidmap) else {
        // Root of a user namespace above has the capabilities that newuidmap gets by being setuid.
        return if request.is_single() {
            make_single(request)
        } else {
            unshare_mapped(&request.user_uid_map, &request.user_gid_map, "mapping the ids that root has here")
        };
    };
    let (waiting, go) = file::pipe()?;
    let own = process::own_pid();
    // One after the other they take 2.6 ms, at once 2.2.
    let mappers = [
        start_mapper(newuidmap, (own, &request.user_uid_map), &waiting)?,
        start_mapper(newgidmap, (own, &request.user_gid_map), &waiting)?,
    ];
    let unshared = namespace::unshare(namespace::USER);
    let word = if unshared.is_ok() { b"gg" } else { b"xx" };
    file::write_all(go.as_fd(), word)?;
    let outcomes = mappers.map(finish_mapper);
    unshared.map_err(|error| refused("making a user namespace", &error))?;
    outcomes.into_iter().collect()
}

/// Maps the container's ids for a process that waits in its new user namespace.
///
/// # Errors
/// `HostRefused` with what the helper programs say.
pub fn map_process(pid: i32, maps: &UserNamespace) -> Result<(), Failure> {
    let (Some(newuidmap), Some(newgidmap)) = (&maps.newuidmap, &maps.newgidmap) else {
        return Err(Failure::new(FailureCode::HostRefused, "mapping ids needs newuidmap and newgidmap"));
    };
    let (waiting, go) = file::pipe()?;
    let mappers = [
        start_mapper(newuidmap, (pid, &maps.container_uid_map), &waiting)?,
        start_mapper(newgidmap, (pid, &maps.container_gid_map), &waiting)?,
    ];
    file::write_all(go.as_fd(), b"gg")?;
    mappers.map(finish_mapper).into_iter().collect()
}

/// One id only: the kernel lets a process map itself to itself, if it gives up changing its groups.
fn make_single(request: &UserNamespace) -> Result<(), Failure> {
    namespace::unshare(namespace::USER).map_err(|error| refused("making a user namespace", &error))?;
    file::write_value("/proc/self/setgroups", "deny")?;
    file::write_value("/proc/self/uid_map", &map_text(&request.user_uid_map))?;
    file::write_value("/proc/self/gid_map", &map_text(&request.user_gid_map))?;
    Ok(())
}

/// A new user namespace whose maps are written without newuidmap: by a child that stays outside, where our capabilities count.
fn unshare_mapped(uids: &[IdMapping], gids: &[IdMapping], what: &str) -> Result<(), Failure> {
    let (waiting, go) = file::pipe()?;
    let own = process::own_pid();
    let mapper = match process::clone_process(0, None, false)? {
        Cloned::Parent { pid, .. } => pid,
        Cloned::Child => {
            let write = |name: &str, map| file::write_value(&format!("/proc/{own}/{name}"), &map_text(map)).is_ok();
            let mapped = is_told(&waiting, own) && write("uid_map", uids) && write("gid_map", gids);
            process::exit(if mapped { 0 } else { NOT_EXECUTED })
        }
    };
    let unshared = namespace::unshare(namespace::USER);
    file::write_all(go.as_fd(), if unshared.is_ok() { b"g" } else { b"x" })?;
    let ended = process::wait_child(mapper, true)?;
    unshared.map_err(|error| refused("making a user namespace", &error))?;
    if ended.is_some_and(|end| end.exit_code() == 0) {
        return Ok(());
    }
    Err(Failure::new(FailureCode::HostRefused, format!("{what}: the kernel refused")))
}

/// For a child of `parent` that is to map ids: waits until the namespace is there. It has a copy of the pipe's other end itself, so
/// should the parent die no end of file would tell it.
fn is_told(waiting: &OwnedFd, parent: i32) -> bool {
    let orphaned = process::set_parent_death_signal(SIGKILL).is_err() || process::parent_pid() != parent;
    let mut word = [0_u8];
    !orphaned && matches!(file::read(waiting.as_fd(), &mut word), Ok(file::Transfer::Done(1))) && word == *b"g"
}

/// The form of /proc/<pid>/uid_map (user_namespaces(7)).
pub(crate) fn map_text(map: &[IdMapping]) -> String {
    map.iter().map(|line| format!("{} {} {}\n", line.inside, line.outside, line.size)).collect()
}

fn nest(request: &UserNamespace) -> Result<(), Failure> {
    let (uids, gids) = (with_caller(&request.container_uid_map), with_caller(&request.container_gid_map));
    unshare_mapped(&uids, &gids, "mapping the ids of a container")?;
    become_root()
}

/// Who the caller is to a worker whose container does not know him: the last id there is, which no map of a container's may have.
const HIDDEN_CALLER: u32 = u32::MAX - 1;

/// A worker's map: the container's, and the caller, whose directories it works in.
fn with_caller(map: &[IdMapping]) -> Vec<IdMapping> {
    let mut map = map.to_vec();
    if !map.iter().any(|line| line.outside == 0) {
        map.push(IdMapping { inside: HIDDEN_CALLER, outside: 0, size: 1 });
    }
    map
}

/// The caller's id to a worker in a namespace with such a map.
#[must_use]
pub fn caller_in(map: &[IdMapping]) -> u32 {
    map.iter().find(|line| line.outside == 0).map_or(HIDDEN_CALLER, |line| line.inside)
}

/// The first id of the container's map, where the caller is somebody else in it.
pub fn become_root() -> Result<(), Failure> {
    credential::set_group(0)?;
    Ok(credential::set_user(0)?)
}

/// Of the process of that number.
fn start_mapper(program: &str, (pid, map): (i32, &[IdMapping]), waiting: &OwnedFd) -> Result<Mapper, Failure> {
    let mut arguments = vec![program.to_owned(), pid.to_string()];
    for line in map {
        arguments.extend([line.inside.to_string(), line.outside.to_string(), line.size.to_string()]);
    }
    let words = c_strings(&arguments)?;
    let keeper = process::own_pid();
    let (complaints, said) = file::pipe()?;
    match process::clone_process(0, None, false)? {
        Cloned::Parent { pid, .. } => Ok(Mapper { pid, complaints, program: program.to_owned() }),
        Cloned::Child => {
            let told = is_told(waiting, keeper);
            // Nor may it take the lock along.
            let ready = file::place(said.as_fd(), STANDARD_ERROR).and_then(|()| file::close_from_at_exec(AFTER_ERROR));
            if told && ready.is_ok() {
                process::execute(&words[0], &words, &[]);
            }
            process::exit(NOT_EXECUTED)
        }
    }
}

const STANDARD_ERROR: i32 = 2;
const AFTER_ERROR: i32 = 3;
const NOT_EXECUTED: i32 = 127;
const SIGKILL: i32 = 9;

fn c_strings(words: &[String]) -> Result<Vec<CString>, Failure> {
    let has_nul = |_| Failure::new(FailureCode::BadRequest, "a NUL in the arguments of a program");
    words.iter().map(|word| CString::new(word.as_bytes())).collect::<Result<_, _>>().map_err(has_nul)
}

fn finish_mapper(mapper: Mapper) -> Result<(), Failure> {
    let ended = process::wait_child(mapper.pid, true)?;
    if ended.is_some_and(|end| end.exit_code() == 0) {
        return Ok(());
    }
    file::set_nonblocking(mapper.complaints.as_fd())?;
    let mut buffer = [0_u8; COMPLAINT_LIMIT];
    let count = match file::read(mapper.complaints.as_fd(), &mut buffer)? {
        file::Transfer::Done(count) => count,
        _ => 0,
    };
    let said = String::from_utf8_lossy(&buffer[..count]);
    let program = mapper.program.rsplit('/').next().unwrap_or_default();
    Err(Failure::new(
        FailureCode::HostRefused,
        format!("mapping the user's subordinate ids: {program} failed: {}", said.trim()),
    ))
}

fn refused(what: &str, error: &SysError) -> Failure {
    let code = if namespace::is_refused(error) { FailureCode::HostRefused } else { FailureCode::System };
    Failure::system(code, what, error)
}
