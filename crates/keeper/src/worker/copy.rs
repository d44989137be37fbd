//! The two ends of a copy. Each says what is at its path, waits to be told what to do with it, and does it: between the two
//! the engine compares both answers by docker's rules.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use bunker_runtime::copy::{
    Destination, Extract, Pack, Placing, Sent, Source, extract, find_destination, find_source, pack,
};
use bunker_runtime::layer::Owners;
use bunker_runtime::lockin::Root;
use bunker_runtime::{Failure, FailureCode, sandbox};
use bunker_sys::client::channel;
use bunker_sys::path::{O_DIRECTORY, O_PATH, O_RDONLY};
use bunker_sys::{credential, file, mount, namespace, path, process};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::job::{Worker, bad};
use super::receive;
use super::request::{CopyIn, CopyInOrder, CopyOut, CopyOutOrder, CopyWithin, CopyWithinOrder, Placed, Request, Side};

/// Packs.
pub(super) fn out(
    worker: &Worker<'_>,
    request: &Request,
    (job, fds): (&CopyOut, Vec<OwnedFd>),
) -> Result<Value, Failure> {
    let output = fds.into_iter().next().ok_or_else(|| bad("nowhere to write the archive to"))?;
    let path = job.path.as_bytes();
    let (mut found, mut is_tree) = (None, false);
    let make = || match &job.side {
        Side::Host => {
            let root = file::open("/", O_PATH | O_DIRECTORY)?;
            found = find_source(root.as_fd(), path, job.follow)?;
            // No descriptor of a directory may be left: this one becomes `/`.
            match found.take_if(|found| matches!(found, Source::Directory(_))) {
                Some(Source::Directory(directory)) => {
                    is_tree = true;
                    Ok(Some(mount::clone_of(directory.as_fd(), true)?))
                }
                _ => Ok(None),
            }
        }
        side => container_root(side).map(Some),
    };
    let reach = worker.lock_in(Root::Made { make: Box::new(make), writable: false }, &[], None)?;
    let root = reach.root.as_fd();
    let source = match &job.side {
        Side::Host if found.is_some() => found,
        Side::Host => is_tree.then(|| reopen(root).map(Source::Directory)).transpose()?,
        _ => find_source(root, path, job.follow)?,
    };
    let order: CopyOutOrder = ask(worker, &json!({ "found": source.as_ref().map(kind_of) }))?;
    let source = source.ok_or_else(|| bad("there is nothing to copy"))?;
    let owners = Owners::of(&request.user_namespace);
    let ids = is_foreign(request, &job.side).then_some(&owners);
    let packed = pack(Pack {
        source: &source,
        name: order.name.as_bytes(),
        as_root: order.as_root,
        ids,
        output: Sent::new(output),
    })?;
    Ok(json!(packed))
}

/// A place on the host, less the directory, which has become `/`.
enum HostPlace {
    Directory,
    Entry { name: Vec<u8>, exists: bool },
    NoParent,
}

fn host_place(path: &[u8]) -> Result<(HostPlace, Option<OwnedFd>), Failure> {
    let root = file::open("/", O_PATH | O_DIRECTORY)?;
    let (place, directory) = match find_destination(root.as_fd(), path)? {
        Destination::NoParent => return Ok((HostPlace::NoParent, None)),
        Destination::Directory(directory) => (HostPlace::Directory, directory),
        Destination::Entry { parent, name, exists } => (HostPlace::Entry { name, exists }, parent),
    };
    Ok((place, Some(mount::clone_of(directory.as_fd(), true)?)))
}

/// Extracts.
pub(super) fn inward(
    worker: &Worker<'_>,
    request: &Request,
    (job, fds): (&CopyIn, Vec<OwnedFd>),
) -> Result<Value, Failure> {
    let input = fds.into_iter().next().ok_or_else(|| bad("no archive"))?;
    write_as_root(request, &job.side)?;
    let path = job.path.as_bytes();
    let mut place = None;
    let make = || match &job.side {
        Side::Host => {
            let (found, tree) = host_place(path)?;
            place = Some(found);
            Ok(tree)
        }
        side => container_root(side).map(Some),
    };
    let reach = worker.lock_in(Root::Made { make: Box::new(make), writable: true }, &[], None)?;
    let root = reach.root.as_fd();
    let destination = match place {
        Some(HostPlace::Directory) => Destination::Directory(reopen(root)?),
        Some(HostPlace::Entry { name, exists }) => Destination::Entry { parent: reopen(root)?, name, exists },
        Some(HostPlace::NoParent) => Destination::NoParent,
        None => find_destination(root, path)?,
    };
    let order: CopyInOrder = ask(worker, &json!({ "found": word_for(&destination) }))?;
    // Modes are as the archive says.
    credential::set_umask(0);
    let is_container = !matches!(job.side, Side::Host);
    let extracted = extract(Extract {
        input,
        destination,
        placing: placing_of(&order.placing),
        root: (order.follow && is_container).then_some((root, path)),
        keep_owners: order.keep_owners,
        overwrite: order.overwrite,
        owners: &Owners::of(&request.user_namespace),
        translate: is_foreign(request, &job.side),
    })?;
    Ok(json!(extracted))
}

/// Packs and extracts: a container that rests has its root mounted once, and so there is one process that sees it.
pub(super) fn within(worker: &Worker<'_>, request: &Request, job: &CopyWithin) -> Result<Value, Failure> {
    let (input, output) = file::pipe()?;
    write_as_root(request, &job.side)?;
    let make = || container_root(&job.side).map(Some);
    let reach = worker.lock_in(Root::Made { make: Box::new(make), writable: true }, &[], None)?;
    let root = reach.root.as_fd();
    let source = find_source(root, job.from.as_bytes(), job.follow)?;
    let destination = find_destination(root, job.to.as_bytes())?;
    let found = json!({ "source": source.as_ref().map(kind_of), "destination": word_for(&destination) });
    let CopyWithinOrder { source: from, destination: to } = ask(worker, &found)?;
    let source = source.ok_or_else(|| bad("there is nothing to copy"))?;
    if is_inside(&destination, &source, root)? {
        let text = format!("\"{}\" is in \"{}\", which cannot be copied into itself", job.to, job.from);
        return Err(Failure::new(FailureCode::BadPath, text));
    }
    // Modes are as the archive says.
    credential::set_umask(0);
    let owners = &Owners::of(&request.user_namespace);
    let translate = is_foreign(request, &job.side);
    let (packed, extracted) = std::thread::scope(|scope| {
        let (name, as_root, output) = (from.name.as_bytes(), from.as_root, Sent::new(output));
        let source = &source;
        let packer =
            scope.spawn(move || pack(Pack { source, name, as_root, ids: translate.then_some(owners), output }));
        let extracted = extract(Extract {
            input,
            destination,
            placing: placing_of(&to.placing),
            root: None,
            keep_owners: to.keep_owners,
            overwrite: to.overwrite,
            owners,
            translate,
        });
        (packer.join(), extracted)
    });
    // Who could not write has been told so by the other one's end.
    let extracted = extracted?;
    let packed = packed.map_err(|_| bad("the packing thread panicked"))??;
    Ok(json!({ "packed": packed, "extracted": extracted }))
}

/// Whether a directory would be copied into itself, which has no end.
fn is_inside(destination: &Destination, source: &Source, root: BorrowedFd<'_>) -> Result<bool, Failure> {
    let (Source::Directory(source), Destination::Directory(start) | Destination::Entry { parent: start, .. }) =
        (source, destination)
    else {
        return Ok(false);
    };
    let identity = |directory: BorrowedFd<'_>| path::status(directory).map(|found| (found.device, found.inode));
    let (wanted, top) = (identity(source.as_fd())?, identity(root)?);
    let mut here = reopen(start.as_fd())?;
    loop {
        let seen = identity(here.as_fd())?;
        if seen == wanted || seen == top {
            return Ok(seen == wanted);
        }
        here = path::open_at(here.as_fd(), b"..", O_RDONLY | O_DIRECTORY, 0)?;
    }
}

fn placing_of(placed: &Placed) -> Placing<'_> {
    match placed {
        Placed::Contents => Placing::Contents,
        Placed::Named { name } => Placing::Named(name.as_bytes()),
        Placed::Replace => Placing::Replace,
    }
}

/// A running container with a map of its own: we are in U, beside it.
fn is_foreign(request: &Request, side: &Side) -> bool {
    matches!(side, Side::Running { .. }) && !request.mapped
}

/// A file system of a container in which the caller is nobody takes no files of his, not even for a moment.
fn write_as_root(request: &Request, side: &Side) -> Result<(), Failure> {
    let namespace = &request.user_namespace;
    if is_foreign(request, side) && namespace.hides_caller() {
        credential::set_file_owner(Owners::of(namespace).outside((0, 0)))?;
    }
    Ok(())
}

fn word_for(destination: &Destination) -> &'static str {
    match destination {
        Destination::Directory(_) => "directory",
        Destination::Entry { exists: true, .. } => "file",
        Destination::Entry { exists: false, .. } => "missing",
        Destination::NoParent => "noParent",
    }
}

fn kind_of(source: &Source) -> &'static str {
    match source {
        Source::Directory(_) => "directory",
        Source::File(_) => "file",
        Source::Link { .. } => "link",
        Source::Fifo(_) | Source::Other => "other",
    }
}

fn reopen(directory: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    Ok(path::open_at(directory, b".", O_RDONLY | O_DIRECTORY, 0)?)
}

/// The first answer, and the order that it brings.
fn ask<T: DeserializeOwned>(worker: &Worker<'_>, answer: &Value) -> Result<T, Failure> {
    let text = json!({ "ok": true, "result": answer }).to_string();
    channel::send(worker.channel.as_raw_fd(), &text, &[])?;
    let (order, _) = receive(worker.channel)?;
    serde_json::from_value(order).map_err(|error| bad(&error.to_string()))
}

/// All that a container's processes see, as a detached tree.
fn container_root(side: &Side) -> Result<OwnedFd, Failure> {
    match side {
        Side::Host => Err(bad("side")),
        Side::Running { pid, start_time, bare } => running_root((*pid, *start_time), !bare),
        Side::Resting { spec } => sandbox::resting_root(spec),
    }
}

/// Into its mount namespace and out again. `mounts`: with what is mounted into it. While we are there nothing of it is opened but its root.
fn running_root((pid, start_time): (i32, u64), mounts: bool) -> Result<OwnedFd, Failure> {
    let ended = || Failure::new(FailureCode::NotRunning, "the container has ended meanwhile");
    let own = file::open("/proc/self/ns/mnt", O_RDONLY)?;
    let first = process::open_pidfd_if_same(pid, start_time)?.ok_or_else(ended)?;
    process::set_dumpable(false)?;
    namespace::join(first.as_fd(), namespace::MOUNT)?;
    let root = file::open("/", O_PATH | O_DIRECTORY)?;
    let clone = mount::clone_of(root.as_fd(), mounts)?;
    drop(root);
    namespace::join(own.as_fd(), namespace::MOUNT)?;
    Ok(clone)
}
