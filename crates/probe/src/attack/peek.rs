//! Lying in wait for processes that join the container: between entering and exec they are the engine's own program.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::path::Path;

use serde_json::{Value, json};

/// Our own program's name in /proc/<pid>/exe, however it is kept.
const OWN: [&str; 2] = ["memfd:", "keeper"];

fn is_own(program: &str) -> bool {
    OWN.iter().any(|part| program.contains(part))
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

/// How often something new was seen, and how often the engine's program could be looked into.
pub fn peek(stop: &Path) -> Value {
    let (mut known, mut looks, mut caught) = (HashSet::from([own_pid()]), 0_u64, Vec::new());
    while !stop.exists() {
        for pid in processes().filter(|pid| *pid != own_pid()) {
            looks += 1;
            known.insert(pid);
            // Each of these asks what ptrace(2) would be asked.
            let Ok(program) = fs::read_link(format!("/proc/{pid}/exe")) else { continue };
            if !is_own(&program.to_string_lossy()) {
                continue;
            }
            for way in ["environ", "fd", "mem", "root"] {
                let path = format!("/proc/{pid}/{way}");
                if fs::read_dir(&path).is_ok() || OpenOptions::new().read(true).open(&path).is_ok() {
                    caught.push(way);
                }
            }
            caught.push("exe");
        }
    }
    json!({ "seen": known.len() - 1, "looks": looks, "caught": caught })
}

/// How often some program could be opened for writing.
pub fn overwrite(stop: &Path) -> Value {
    let (mut tries, mut opened) = (0_u64, Vec::new());
    while !stop.exists() {
        for pid in processes() {
            for name in ["exe", "fd/3", "fd/4", "fd/5", "fd/6", "fd/7", "fd/8", "fd/9", "fd/10"] {
                let path = format!("/proc/{pid}/{name}");
                tries += 1;
                // Truncating and appending are other ways to write, each asked of the kernel on its own.
                let ways = [OpenOptions::new().write(true).clone(), OpenOptions::new().append(true).clone()];
                if name == "exe" && ways.iter().any(|way| way.open(&path).is_ok()) {
                    opened.push(fs::read_link(&path).map_or_else(|_| path.clone(), |link| link.display().to_string()));
                }
                if name != "exe" && pid != own_pid() {
                    let target = fs::read_link(&path).map(|link| link.display().to_string()).unwrap_or_default();
                    if is_own(&target) && OpenOptions::new().write(true).open(&path).is_ok() {
                        opened.push(target);
                    }
                }
            }
        }
    }
    json!({ "tries": tries, "opened": opened })
}

/// Stops whatever was not there at first.
pub fn halt(stop: &Path) -> Value {
    let first: HashSet<i32> = processes().collect();
    let mut halted = HashSet::new();
    while !stop.exists() {
        for pid in processes().filter(|pid| !first.contains(pid)) {
            // SAFETY: integers only.
            if unsafe { libc::kill(pid, libc::SIGSTOP) } == 0 {
                halted.insert(pid);
            }
        }
    }
    json!({ "halted": halted.len() })
}
