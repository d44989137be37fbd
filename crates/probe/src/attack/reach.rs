//! What can be had of other processes through a procfs that shows them: their memory, files, secrets, namespaces, and signals.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::fd::AsRawFd;

use libc::c_long;
use serde_json::{Map, Value};

use crate::attempt::{errno_name, in_child};

const NAMESPACES: [&str; 8] = ["user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time"];
/// What ptrace_may_access (ptrace(2)) guards, and should.
const READABLE: [&str; 5] = ["environ", "auxv", "maps", "mem", "pagemap"];
/// Links to what it has open. (The numbers in fd, and oom_score_adj, are anybody's who is the same user on the host.)
const LINKS: [&str; 6] = ["root", "cwd", "exe", "fd/0", "fd/1", "fd/3"];

/// Process → way → answer; `ok` is what must not be.
pub fn try_all(procfs: &str, pids: &[&str]) -> Value {
    pids.iter().map(|pid| ((*pid).to_owned(), try_process(&format!("{procfs}/{pid}")))).collect::<Map<_, _>>().into()
}

fn try_process(place: &str) -> Value {
    let mut answers = Map::new();
    let mut put = |way: String, answer: String| answers.insert(way, answer.into());
    for name in READABLE {
        put(format!("read {name}"), word(&read_some(&format!("{place}/{name}"))));
    }
    for name in LINKS {
        put(format!("see {name}"), word(&fs::read_link(format!("{place}/{name}"))));
        put(format!("open {name}"), word(&fs::File::open(format!("{place}/{name}"))));
    }
    put("write mem".to_owned(), word(&OpenOptions::new().write(true).open(format!("{place}/mem"))));
    put("write exe".to_owned(), word(&OpenOptions::new().write(true).open(format!("{place}/exe"))));
    put("write uid_map".to_owned(), word(&fs::write(format!("{place}/uid_map"), "0 0 1\n")));
    put("mount over".to_owned(), mount_over(&format!("{place}/root")));
    for name in NAMESPACES {
        put(format!("join {name}"), join(&format!("{place}/ns/{name}")));
    }
    put("signal".to_owned(), signal(place));
    answers.into()
}

fn word<T>(result: &std::io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => errno_name(error.raw_os_error().unwrap_or(0)),
    }
}

/// Some of these files open for anybody and refuse, or are empty, when read.
fn read_some(path: &str) -> std::io::Result<()> {
    let mut byte = [0];
    match fs::File::open(path)?.read(&mut byte)? {
        0 => Err(std::io::Error::from_raw_os_error(libc::ENODATA)),
        _ => Ok(()),
    }
}

fn join(path: &str) -> String {
    let namespace = match fs::File::open(path) {
        Ok(namespace) => namespace,
        Err(error) => return errno_name(error.raw_os_error().unwrap_or(0)),
    };
    // SAFETY: an open descriptor; the child ends afterwards.
    in_child(|| c_long::from(unsafe { libc::setns(namespace.as_raw_fd(), 0) })).word()
}

fn mount_over(path: &str) -> String {
    let Ok(target) = CString::new(path) else { return "not a path".to_owned() };
    let (kind, nothing) = (c"tmpfs", std::ptr::null());
    // SAFETY: zero-terminated strings; the child's mounts are the container's own.
    in_child(|| c_long::from(unsafe { libc::mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), 0, nothing) })).word()
}

/// A directory of procfs stands for its process (pidfd_send_signal(2)). Signal 0 asks only.
fn signal(place: &str) -> String {
    let process = match fs::File::open(place) {
        Ok(process) => process,
        Err(error) => return errno_name(error.raw_os_error().unwrap_or(0)),
    };
    in_child(|| {
        // SAFETY: an open descriptor, no siginfo.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), 0, std::ptr::null::<u8>(), 0) }
    })
    .word()
}
