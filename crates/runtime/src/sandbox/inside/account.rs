//! podman's --passwd and --hostuser: a user whom the container's passwd and group do not know is added to them, in the container's own files and
//! never in one that is mounted there.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::{SysError, SysResult, path};

use super::super::identity::{self, Identity};
use super::IDENTITY_FILE_LIMIT;
use crate::failure::{Failure, FailureCode};
use crate::inroot;
use crate::spec::{Account, Process};

const ENOENT: i32 = 2;
const EXDEV: i32 = 18;
const DIRECTORY: &[u8] = b"etc";
const PASSWD_ENTRY: &str = "$USERNAME:*:$UID:$GID:$NAME:$HOME:/bin/sh";
const GROUP_ENTRY: &str = "$GROUPNAME:x:$GID:$USERLIST";
const MODE: u32 = 0o644;
/// What stands for a person's name.
const FULL_NAME: &str = "container user";

/// Adds what is missing. Nothing else runs in the container yet.
pub(super) fn add(
    account: &Account,
    process: &Process,
    identity: &Identity,
    root: BorrowedFd<'_>,
) -> Result<(), Failure> {
    // Without a user it is root, whom every image knows or means not to.
    if process.user.is_empty() {
        return Ok(());
    }
    let (uid, gid) = (identity.uid.to_string(), identity.gid.to_string());
    let user = process.user.split(':').next().unwrap_or_default();
    append(root, "passwd", |content| {
        let template = account.passwd_entry.as_deref().unwrap_or(PASSWD_ENTRY);
        let values =
            [("$USERNAME", &*uid), ("$UID", &uid), ("$GID", &gid), ("$NAME", FULL_NAME), ("$HOME", home_of(process))];
        (!identity::knows_user(content, identity.uid)).then(|| fill(template, &values))
    })?;
    append(root, "group", |content| {
        let template = account.group_entry.as_deref().unwrap_or(GROUP_ENTRY);
        let values = [("$GROUPNAME", &*gid), ("$GID", &gid), ("$USERLIST", user)];
        (!identity::knows_group(content, identity.gid)).then(|| fill(template, &values))
    })
}

/// Users by their lines, unless somebody has the name; before anybody is looked up.
pub(super) fn add_lines(lines: &[String], root: BorrowedFd<'_>) -> Result<(), Failure> {
    lines.iter().try_for_each(|line| {
        let name = line.split(':').next().unwrap_or_default();
        append(root, "passwd", |content| (!identity::knows_name(content, name)).then(|| line.clone()))
    })
}

fn home_of(process: &Process) -> &str {
    let home = process.env.iter().rev().find_map(|entry| entry.strip_prefix("HOME="));
    home.filter(|home| home.starts_with('/') && !home.contains([':', '\n'])).unwrap_or("/")
}

fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |line, (name, value)| line.replace(name, value))
}

/// Adds the line that `entry` finds missing in the content.
fn append(root: BorrowedFd<'_>, name: &str, entry: impl Fn(&[u8]) -> Option<String>) -> Result<(), Failure> {
    let failed = |error: SysError| {
        Failure::system(FailureCode::BadPath, &format!("adding the user to the container's /etc/{name}"), &error)
    };
    let Some(file) = open_own(root, name).map_err(failed)? else { return Ok(()) };
    if !path::status(file.as_fd()).map_err(failed)?.is_regular() {
        return Err(Failure::new(FailureCode::BadPath, format!("the container's /etc/{name} is no regular file")));
    }
    let content = inroot::read_file(root, format!("etc/{name}").as_bytes(), IDENTITY_FILE_LIMIT).map_err(failed)?;
    let Some(line) = entry(&content) else { return Ok(()) };
    let separator = if content.last().is_none_or(|last| *last == b'\n') { "" } else { "\n" };
    path::write_all(file.as_fd(), format!("{separator}{line}\n").as_bytes()).map_err(failed)
}

/// For appending; made where missing. `None`: it lies in another mount, whose owner knows best.
fn open_own(root: BorrowedFd<'_>, name: &str) -> SysResult<Option<OwnedFd>> {
    let flags = path::O_WRONLY | path::O_APPEND | path::O_NONBLOCK | path::O_NOCTTY;
    match inroot::open_same_mount(root, format!("etc/{name}").as_bytes(), flags) {
        Err(error) if error.errno == EXDEV => Ok(None),
        Err(error) if error.errno == ENOENT => make(root, name, flags),
        other => other.map(Some),
    }
}

fn make(root: BorrowedFd<'_>, name: &str, flags: i32) -> SysResult<Option<OwnedFd>> {
    let directory = path::O_PATH | path::O_DIRECTORY;
    let parent = match inroot::open_same_mount(root, DIRECTORY, directory) {
        Err(error) if error.errno == EXDEV => return Ok(None),
        Err(error) if error.errno == ENOENT => inroot::make_directories(root, DIRECTORY, 0o755)?,
        other => other?,
    };
    let new = path::O_CREAT | path::O_EXCL | path::O_NOFOLLOW;
    let made = path::open_at(parent.as_fd(), name.as_bytes(), flags | new, MODE)?;
    // Whatever the umask is.
    path::change_mode(made.as_fd(), MODE)?;
    Ok(Some(made))
}
