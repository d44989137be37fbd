//! Places that tell of, or reach, the host: what can be read there, and what could be written. Opens, never writes.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use serde_json::{Map, Value, json};

use crate::attempt::errno_name;

/// What docker and podman mask, what they make read-only, and what we mask beyond (`/proc` first, then `/sys`).
const SENSITIVE: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/buddyinfo",
    "/proc/bus",
    "/proc/config.gz",
    "/proc/dma",
    "/proc/driver",
    "/proc/fs",
    "/proc/interrupts",
    "/proc/iomem",
    "/proc/ioports",
    "/proc/irq",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/kmsg",
    "/proc/kpagecgroup",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/latency_stats",
    "/proc/modules",
    "/proc/mtrr",
    "/proc/pagetypeinfo",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/slabinfo",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sysrq-trigger",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/tty/driver",
    "/proc/vmallocinfo",
    "/proc/zoneinfo",
    "/sys/class/dmi",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/bpf",
    "/sys/fs/cgroup",
    "/sys/fs/fuse",
    "/sys/fs/pstore",
    "/sys/fs/selinux",
    "/sys/hypervisor",
    "/sys/kernel",
    "/sys/kernel/debug",
    "/sys/kernel/notes",
    "/sys/kernel/security",
    "/sys/kernel/slab",
    "/sys/kernel/tracing",
    "/sys/kernel/uevent_helper",
    "/sys/module",
];

const SYSCTLS: &[&str] = &[
    "kernel/hostname",
    "kernel/ostype",
    "kernel/yama/ptrace_scope",
    "net/ipv4/ip_unprivileged_port_start",
    "net/ipv4/ping_group_range",
];

/// Path → { kind, read, write }.
pub fn sensitive() -> Value {
    SENSITIVE.iter().map(|path| ((*path).to_owned(), look_at(path))).collect::<Map<_, _>>().into()
}

fn look_at(path: &str) -> Value {
    match fs::symlink_metadata(path) {
        Err(error) => json!({ "kind": "absent", "read": name_of(&error) }),
        Ok(found) if found.is_dir() => json!({ "kind": "directory", "read": directory_answer(path), "write": "-" }),
        Ok(found) => {
            let kind = if found.file_type().is_char_device() { device_name(found.rdev()) } else { "file".to_owned() };
            json!({ "kind": kind, "read": file_answer(path), "write": write_answer(path) })
        }
    }
}

fn directory_answer(path: &str) -> String {
    match fs::read_dir(path).map(Iterator::count) {
        Ok(0) => "empty".to_owned(),
        Ok(_) => "entries".to_owned(),
        Err(error) => name_of(&error),
    }
}

/// Opening may be allowed where reading is not, so one byte is read; /proc/kmsg would take it away from others and wait.
fn file_answer(path: &str) -> String {
    let opened = fs::File::open(path);
    if path.ends_with("/kmsg") {
        return opened.map_or_else(|error| name_of(&error), |_| "opens".to_owned());
    }
    match opened.and_then(|mut file| file.read(&mut [0])) {
        Ok(0) => "empty".to_owned(),
        Ok(_) => "readable".to_owned(),
        Err(error) => name_of(&error),
    }
}

fn write_answer(path: &str) -> String {
    OpenOptions::new().write(true).open(path).map_or_else(|error| name_of(&error), |_| "opens".to_owned())
}

/// Name below /proc/sys → value.
pub fn sysctls() -> Value {
    SYSCTLS
        .iter()
        .map(|name| ((*name).to_owned(), crate::files::text(&format!("/proc/sys/{name}"))))
        .collect::<Map<_, _>>()
        .into()
}

/// Everything below /dev: "type mode uid:gid device", links with their target.
pub fn devices() -> Value {
    let mut found = Map::new();
    collect("/dev", &mut found);
    found.into()
}

fn collect(directory: &str, found: &mut Map<String, Value>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path().to_string_lossy().into_owned();
        let Ok(metadata) = entry.metadata() else { continue };
        found.insert(path.clone(), describe(&path, &metadata).into());
        if metadata.is_dir() {
            collect(&path, found);
        }
    }
}

fn describe(path: &str, metadata: &fs::Metadata) -> String {
    let kind = metadata.file_type();
    let word = match () {
        () if kind.is_symlink() => return format!("link {}", fs::read_link(path).unwrap_or_default().display()),
        () if kind.is_dir() => "directory".to_owned(),
        () if kind.is_char_device() => device_name(metadata.rdev()),
        () if kind.is_block_device() => format!("block {}", device_name(metadata.rdev())),
        () => "file".to_owned(),
    };
    format!("{word} {:04o} {}:{}", metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
}

fn device_name(number: u64) -> String {
    format!("character {}:{}", libc::major(number), libc::minor(number))
}

fn name_of(error: &std::io::Error) -> String {
    errno_name(error.raw_os_error().unwrap_or(0))
}
