//! Copying trees into and out of containers as archives: one process packs what is at a path, another one extracts it at
//! another. Each sees one side alone (`lockin`), as its `/`: a container's root as its processes see it, or a directory
//! of the host.
//!
//! Somebody inside may rename and link while we work. So what is found is held by descriptor, names are taken one at a time
//! with no link followed, and where a path must be looked up it is looked up in the root (`inroot`).

mod extract;
mod find;
mod pack;
mod stream;

pub use extract::{Extract, Extracted, Placing, extract};
pub use find::{Destination, Source, find_destination, find_source};
pub use pack::{Pack, Packed, pack};
pub use stream::{Received, Sent};

use crate::failure::{Failure, FailureCode};
use crate::layer::problem::{Problem, shown};
use bunker_sys::{SysResult, mount};
use std::os::fd::BorrowedFd;

/// File systems whose files are the kernel's words (statfs(2)): proc, sysfs, cgroup v1 and v2, devpts, mqueue, securityfs,
/// debugfs, tracefs, bpf.
const KERNEL: [i64; 10] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x1cd1,
    0x1980_0202,
    0x7363_6673,
    0x6462_6720,
    0x7472_6163,
    0xcafe_4a11,
];

/// Whether a file is the kernel's own: endless, changing, or of no use elsewhere.
fn is_kernels(file: BorrowedFd<'_>) -> SysResult<bool> {
    mount::filesystem_type(file).map(|kind| KERNEL.contains(&kind))
}

/// As it leaves: `copying "…": reason`.
fn failure(problem: Problem, entry: &[u8]) -> Failure {
    let what = format!("copying \"{}\"", shown(entry));
    match problem {
        Problem::System { what: call, error } => {
            Failure::system(FailureCode::System, &format!("{what}: {call}"), &error)
        }
        Problem::NoSpace(reason) => Failure::new(FailureCode::NoSpace, format!("{what}: {reason}")),
        reason => Failure::new(FailureCode::BadArchive, format!("{what}: {reason}")),
    }
}

#[cfg(test)]
#[path = "copy/copy_test.rs"]
mod tests;
