//! The embedded image's only program: says in a few lines what just happened, as it looks from inside.

use std::fs;
use std::io::{self, Write};
use std::process::{self, ExitCode};

fn main() -> ExitCode {
    match io::stdout().lock().write_all(greeting(&Inside::look()).as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What this process sees of itself.
struct Inside {
    user: String,
    process: u32,
    host_name: String,
    others: Option<usize>,
}

impl Inside {
    fn look() -> Self {
        Self {
            user: status_field("Uid:").unwrap_or_else(|| "unknown".to_owned()),
            process: process::id(),
            host_name: fs::read_to_string("/proc/sys/kernel/hostname")
                .unwrap_or_else(|_| "unknown".to_owned())
                .trim()
                .to_owned(),
            others: processes().map(|count| count.saturating_sub(1)),
        }
    }
}

/// The first value of a line of proc_pid_status(5); for ids that is the real one.
fn status_field(name: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next().map(str::to_owned)
}

fn processes() -> Option<usize> {
    let entries = fs::read_dir("/proc").ok()?;
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    Some(entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_process)).count())
}

fn greeting(inside: &Inside) -> String {
    let Inside { user, process, host_name, others } = inside;
    let company = match others {
        Some(0) => "there is no other process here".to_owned(),
        Some(count) => format!("other processes here: {count}"),
        None => "there is no /proc here".to_owned(),
    };
    format!(
        "Hello from inside a container!

What just happened:
  - bunker took this image out of its own executable; nothing was pulled.
  - It made namespaces, a root file system and a seccomp filter, without root and without a daemon.
  - In here this program is user {user}, process {process}, on host \"{host_name}\"; {company}.
  - It ends now, and nothing of it stays behind when --rm was given.

Next: bunker pull IMAGE, bunker run -it IMAGE sh, bunker help
"
    )
}
