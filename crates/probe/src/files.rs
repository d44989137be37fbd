//! What /proc says of this process. Reads only.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

/// A file's text without the last newline, or why it cannot be read.
pub fn text(path: &str) -> Value {
    match fs::read_to_string(path) {
        Ok(text) => text.trim_end().into(),
        Err(error) => format!("unreadable: {}", crate::attempt::errno_name(error.raw_os_error().unwrap_or(0))).into(),
    }
}

/// /proc/self/status: field → value, as proc_pid_status(5) has them.
pub fn status() -> Value {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let fields = status.lines().filter_map(|line| line.split_once(':'));
    fields
        .map(|(name, value)| (name.to_owned(), Value::from(value.trim().replace('\t', " "))))
        .collect::<Map<_, _>>()
        .into()
}

/// Name → inode, the same number for all that share it.
pub fn namespaces() -> Value {
    links("/proc/self/ns").into_iter().collect::<Map<_, _>>().into()
}

/// mountinfo, line by line, as proc_pid_mountinfo(5) has them.
pub fn mounts() -> Value {
    fs::read_to_string("/proc/self/mountinfo").unwrap_or_default().lines().collect::<Vec<_>>().into()
}

/// Limit → "soft hard".
pub fn limits() -> Value {
    let table = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    // Columns by position: names and units have blanks in them.
    const NAME_WIDTH: usize = 26;
    const VALUES_WIDTH: usize = 42;
    let rows = table.lines().skip(1).filter_map(|line| Some((line.get(..NAME_WIDTH)?, line.get(NAME_WIDTH..)?)));
    rows.map(|(name, values)| {
        let values = values.get(..VALUES_WIDTH).unwrap_or(values);
        (name.trim().to_owned(), values.split_whitespace().take(2).collect::<Vec<_>>().join(" ").into())
    })
    .collect::<Map<_, _>>()
    .into()
}

/// Open descriptors and where they lead, less the one this listing needs.
pub fn descriptors() -> Value {
    let mut all = links("/proc/self/fd");
    all.retain(|(_, target)| !target.as_str().unwrap_or_default().ends_with("/fd"));
    all.into_iter().collect::<Map<_, _>>().into()
}

/// Names only: values may be secrets.
pub fn environment() -> Value {
    let mut names: Vec<String> = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names.into()
}

pub fn working_directory() -> Value {
    std::env::current_dir().map_or(Value::Null, |path| path.to_string_lossy().into())
}

fn links(directory: &str) -> Vec<(String, Value)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut all: Vec<_> = entries.map(|entry| (show(&entry.file_name()), target_of(&entry.path()))).collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

fn target_of(link: &Path) -> Value {
    fs::read_link(link).map_or(Value::Null, |target| json!(show(target.as_os_str())))
}

fn show(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}
