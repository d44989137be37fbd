//! For tests only, never shipped: runs inside a container and prints one JSON object with everything it is and may do there,
//! to be compared with what should be. Changes nothing that outlives it.
//!
//!     probe            everything
//!     probe PART…      only these parts (the names of the object's fields)

mod attempt;
mod cases;
mod files;
mod paths;
mod sweep;

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Map, Value};

/// A part's name and how to look at it.
type Part = (&'static str, fn() -> Value);

/// In this order: what is read first is not disturbed by what is tried later.
const PARTS: &[Part] = &[
    ("fds", files::descriptors),
    ("status", files::status),
    ("namespaces", files::namespaces),
    ("mounts", files::mounts),
    ("uidMap", || files::text("/proc/self/uid_map")),
    ("gidMap", || files::text("/proc/self/gid_map")),
    ("limits", files::limits),
    ("environment", files::environment),
    ("cwd", files::working_directory),
    ("cgroup", || files::text("/proc/self/cgroup")),
    ("lsm", || files::text("/proc/self/attr/current")),
    ("oomScoreAdj", || files::text("/proc/self/oom_score_adj")),
    ("process", cases::process),
    ("sysctls", paths::sysctls),
    ("devices", paths::devices),
    ("paths", paths::sensitive),
    ("keyring", cases::keyring),
    ("sockets", cases::sockets),
    ("cases", cases::cases),
    ("syscalls", sweep::syscalls),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut record = Map::new();
    for (name, look) in PARTS.iter().filter(|(name, _)| is_wanted(name)) {
        record.insert((*name).to_owned(), look());
    }
    match writeln!(io::stdout().lock(), "{}", Value::Object(record)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
