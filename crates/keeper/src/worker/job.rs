//! Doing a job: what must be opened outside is opened, the process is locked in, the work is done.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_runtime::changes::{self, Sides};
use bunker_runtime::layer::{self, FixLayer, Link, Owners, Unpack};
use bunker_runtime::lockin::{Needs, Reach, Root, lock_in};
use bunker_runtime::spec::SPEC_VERSION;
use bunker_runtime::{Failure, FailureCode, trash, tree, usage, userns};
use bunker_sys::path::{O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_WRONLY};
use bunker_sys::{file, namespace, path, priority};
use serde_json::{Value, json};

use super::request::{Job, LayerPaths, Request};
use super::{copy, end_with, receive};

/// Of a single file, the manifest for one, whatever smaller limit a job sets for the layer.
const FILE_SIZE: u64 = 1024 * 1024 * 1024;

/// Receives one job and does it. The result is the answer's.
pub fn run(channel: &OwnedFd) -> Result<Value, Failure> {
    let (request, fds) = receive(channel)?;
    let request: Request = serde_json::from_value(request).map_err(|error| bad(&error.to_string()))?;
    if request.version > SPEC_VERSION {
        return Err(bad(&format!("version {} is newer than {SPEC_VERSION}", request.version)));
    }
    if request.mapped {
        userns::enter_mapped(&request.user_namespace, &request.user_runtime_dir)?;
    } else {
        // Its entry in U's register stays behind: once locked in we cannot reach it, and whoever looks next tidies it.
        std::mem::forget(userns::enter(&request.user_namespace, &request.user_runtime_dir)?);
    }
    let worker = Worker { channel, runtime_dir: &request.user_runtime_dir };
    match &request.job {
        Job::Unpack { .. } => worker.unpack(&request, fds),
        Job::Link { .. } => worker.link(&request.job),
        Job::Fix { layers, target } => worker.fix(&request, layers, target),
        Job::Remove { directory, names } => worker.remove(directory, names, fds),
        Job::Measure { paths } => worker.measure(paths),
        Job::Flatten { target, layers, marked } => worker.flatten(target, layers, *marked),
        Job::Changes { own, layers, complete } => worker.changes((own, layers), *complete),
        Job::TryOverlay { directory, program } => try_overlay(directory, program.as_deref()),
        Job::CopyOut(job) => copy::out(&worker, &request, (job, fds)),
        Job::CopyIn(job) => copy::inward(&worker, &request, (job, fds)),
        Job::CopyWithin(job) => copy::within(&worker, &request, job),
    }
}

pub(super) struct Worker<'a> {
    pub(super) channel: &'a OwnedFd,
    runtime_dir: &'a str,
}

impl Worker<'_> {
    pub(super) fn lock_in(&self, root: Root<'_>, trees: &[&str], file_size: Option<u64>) -> Result<Reach, Failure> {
        let reach = lock_in(Needs { root, trees, runtime_dir: self.runtime_dir, file_size })?;
        end_with(self.channel)?;
        Ok(reach)
    }

    fn unpack(&self, request: &Request, fds: Vec<OwnedFd>) -> Result<Value, Failure> {
        let Job::Unpack { digest, size, diff_id, target, manifest, limits, .. } = &request.job else {
            return Err(bad("job"));
        };
        let mut fds = fds.into_iter();
        let (Some(blob), counter) = (fds.next(), fds.next()) else { return Err(bad("a blob to unpack is missing")) };
        let owners = Owners::of(&request.user_namespace);
        let manifest = file::open(manifest, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)?;
        let reach = self.lock_in(Root::Directory(target), &[], Some(limits.bytes.max(FILE_SIZE)))?;
        if request.mapped {
            // Made by the command, whose user is not its root here.
            path::change_owner_of(reach.root.as_fd(), (0, 0))?;
        }
        let unpacked = layer::unpack(Unpack {
            blob,
            counter,
            size: *size,
            digest,
            diff_id: diff_id.as_deref(),
            root: reach.root.as_fd(),
            manifest,
            owners: &owners,
            limits: *limits,
        })?;
        Ok(json!(unpacked))
    }

    fn link(&self, job: &Job) -> Result<Value, Failure> {
        let Job::Link { digest, target, manifest, parents } = job else { return Err(bad("job")) };
        let manifest = file::open(manifest, O_RDWR | O_NOFOLLOW)?;
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        let reach = self.lock_in(Root::Directory(target), &parents, None)?;
        let parents = existing(&reach, &parents)?;
        let linked = layer::link(Link { layer: digest, root: reach.root.as_fd(), manifest, parents: &parents })?;
        Ok(json!(linked))
    }

    fn fix(&self, request: &Request, layers: &[LayerPaths], target: &str) -> Result<Value, Failure> {
        let manifests = layers.iter().map(|layer| file::open(&layer.manifest, O_RDONLY | O_NOFOLLOW));
        let manifests = manifests.collect::<Result<Vec<_>, _>>()?;
        let roots: Vec<&str> = layers.iter().map(|layer| layer.root.as_str()).collect();
        let reach = self.lock_in(Root::Directory(target), &roots, None)?;
        let roots = existing(&reach, &roots)?;
        let layers = roots.into_iter().zip(manifests).map(|(root, manifest)| FixLayer { root, manifest });
        let fixes = layer::fix(&layers.collect::<Vec<_>>(), reach.root.as_fd())?;
        if request.mapped {
            // The command is to move them, which only the owner of a directory may.
            let maps = &request.user_namespace;
            let owner = (userns::caller_in(&maps.container_uid_map), userns::caller_in(&maps.container_gid_map));
            for fix in &fixes {
                path::change_owner_at(reach.root.as_fd(), fix.to_string().as_bytes(), owner)?;
            }
        }
        Ok(json!({ "fixes": fixes }))
    }

    /// All of them, whatever happens with one; the first failure is told.
    fn remove(&self, directory: &str, names: &[String], fds: Vec<OwnedFd>) -> Result<Value, Failure> {
        priority::give_way();
        // The command's share of the trash's lock.
        let share = fds.into_iter().next();
        let reach = lock_in(Needs {
            root: Root::Directory(directory),
            trees: &[],
            runtime_dir: self.runtime_dir,
            file_size: None,
        })?;
        if let Some(name) = names.iter().find(|name| !is_component(name)) {
            return Err(bad(&format!("\"{}\" is not a single name", name.escape_debug())));
        }
        let names: Vec<_> = names.iter().map(|name| name.clone().into_bytes()).collect();
        trash::empty(reach.root.as_fd(), share.as_ref().map(AsFd::as_fd), &names)
            .map_err(|error| Failure::system(FailureCode::System, "removing", &error))?;
        Ok(json!({ "removed": names.len() }))
    }

    fn flatten(&self, target: &str, layers: &[String], marked: bool) -> Result<Value, Failure> {
        let trees: Vec<&str> = layers.iter().map(String::as_str).collect();
        let reach = self.lock_in(Root::Directory(target), &trees, None)?;
        let trees = existing(&reach, &trees)?;
        tree::flatten(&trees, marked, reach.root.as_fd())
            .map_err(|error| Failure::system(FailureCode::System, "copying the image's layers", &error))?;
        Ok(json!({ "layers": trees.len() }))
    }

    fn changes(&self, (own, layers): (&str, &[String]), complete: bool) -> Result<Value, Failure> {
        let paths: Vec<&str> = std::iter::once(own).chain(layers.iter().map(String::as_str)).collect();
        let reach = self.lock_in(Root::Nothing, &paths, None)?;
        let trees = existing(&reach, &paths)?;
        let changes = changes::changes(&Sides { own: trees[0], layers: &trees[1..], complete })?;
        Ok(json!({ "changes": changes }))
    }

    fn measure(&self, paths: &[String]) -> Result<Value, Failure> {
        let trees: Vec<&str> = paths.iter().map(String::as_str).collect();
        let reach = self.lock_in(Root::Nothing, &trees, None)?;
        let mut sizes = Vec::new();
        for tree in &reach.trees {
            // Gone meanwhile, which happens: containers end.
            let size = tree.as_ref().map(|tree| usage::measure(tree.as_fd()));
            sizes.push(size.transpose()?);
        }
        Ok(json!({ "sizes": sizes }))
    }
}

/// Nothing of anybody else's is touched: there is no need to be locked in.
fn try_overlay(directory: &str, program: Option<&str>) -> Result<Value, Failure> {
    namespace::unshare(namespace::MOUNT)?;
    let refused = bunker_runtime::sandbox::try_overlay(directory, program).err();
    Ok(json!({ "refused": refused.map(|failure| failure.message) }))
}

/// The trees, which must all be there.
fn existing<'a>(reach: &'a Reach, paths: &[&str]) -> Result<Vec<BorrowedFd<'a>>, Failure> {
    let trees = reach.trees.iter().zip(paths);
    let missing = |path: &str| Failure::new(FailureCode::BadRequest, format!("worker: there is no \"{path}\""));
    trees.map(|(tree, path)| tree.as_ref().map(AsFd::as_fd).ok_or_else(|| missing(path))).collect()
}

fn is_component(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && !matches!(name, "." | "..")
}

pub(super) fn bad(reason: &str) -> Failure {
    Failure::new(FailureCode::BadRequest, format!("worker: {reason}"))
}
