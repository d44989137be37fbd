//! A file on its way to its name: without any where the file system can do that, else under one that says so. What a killed `cp`
//! leaves under such a name the next one in the same directory removes: whoever is at work on such a file has it locked.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bunker_sys::path::{self, O_CREAT, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_TMPFILE, O_TRUNC, O_WRONLY};
use bunker_sys::{SysResult, lock, process};

use crate::layer::problem::{Outcome, Problem};

const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const OWN_MODE: u32 = 0o600;
/// Names that every `cp` tries, and so finds what others left; somebody inside may sit on them.
const COMMON_NAMES: u32 = 8;
const NAMES: u32 = 128;
const BUFFER: usize = 128 * 1024;

/// A name in an open directory.
pub(super) type Name<'a> = (BorrowedFd<'a>, &'a [u8]);

/// Makes files, in the way that the file system was found to know.
pub(super) struct Aside {
    /// A file can be made without a name, and given one (O_TMPFILE; Linux 6.10 for who has no capability over the host's files).
    nameless: bool,
}

/// A file that is being made; what is written to is this, whatever has its name meanwhile.
struct Made {
    file: OwnedFd,
    name: Option<Vec<u8>>,
}

impl Aside {
    pub(super) fn new() -> Self {
        Self { nameless: true }
    }

    /// Has `fill` write a file, `dress` say whose it is, and puts it in the place of whatever (but a directory) has its name.
    pub(super) fn replace(
        &mut self,
        to: Name<'_>,
        fill: impl FnOnce(BorrowedFd<'_>) -> Outcome<()>,
        dress: &dyn Fn(BorrowedFd<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut made = self.begin(to.0)?;
        let placed = fill(made.file.as_fd()).and_then(|()| dress(made.file.as_fd())).and_then(|()| {
            if made.name.is_none() && !self.give_name(&mut made, to, dress)? {
                return Ok(());
            }
            made.move_to(to)
        });
        if let (Err(_), Some(name)) = (&placed, &made.name) {
            let _ = path::remove_file_at(to.0, name);
        }
        placed
    }

    fn begin(&mut self, directory: BorrowedFd<'_>) -> Outcome<Made> {
        if self.nameless {
            match path::open_at(directory, b".", O_TMPFILE | O_RDWR, OWN_MODE) {
                Ok(file) => return Ok(Made { file, name: None }),
                // EOPNOTSUPP, EISDIR, ENOENT: whatever such a file system says.
                Err(_) => self.nameless = false,
            }
        }
        make_named(directory)
    }

    /// The one it is to have, if nothing has that: false. Else one from which it can be moved.
    fn give_name(
        &mut self,
        made: &mut Made,
        to: Name<'_>,
        dress: &dyn Fn(BorrowedFd<'_>) -> Outcome<()>,
    ) -> Outcome<bool> {
        match path::link_open_at(made.file.as_fd(), to) {
            Ok(()) => return Ok(false),
            Err(error) if error.errno == EEXIST => {
                lock::try_hold(made.file.as_fd()).map_err(Problem::system("locking a file"))?;
                let link = |name: &[u8]| path::link_open_at(made.file.as_fd(), (to.0, name));
                made.name = Some(under_free_name(to.0, link)?.0);
            }
            // Only from under a name, then.
            Err(_) => {
                self.nameless = false;
                let named = make_named(to.0)?;
                let unnamed = std::mem::replace(made, named);
                copy_bytes(unnamed.file.as_fd(), made.file.as_fd()).map_err(Problem::system("writing a file"))?;
                dress(made.file.as_fd())?;
            }
        }
        Ok(true)
    }
}

impl Made {
    /// Over a mount point (a file that was bound into the container) nothing can be renamed: its content changes then, as `>` would.
    fn move_to(&self, to: Name<'_>) -> Outcome<()> {
        let Some(name) = &self.name else { return Ok(()) };
        match path::rename_at((to.0, name), to) {
            Err(error) if error.errno == EBUSY => {
                let failed = || Problem::system("writing a file that is mounted");
                let flags = O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
                let target = path::open_at(to.0, to.1, flags, 0).map_err(failed())?;
                copy_bytes(self.file.as_fd(), target.as_fd()).map_err(failed())?;
                path::remove_file_at(to.0, name).map_err(failed())
            }
            other => other.map_err(Problem::system("renaming a file")),
        }
    }
}

/// Locked before anybody may take it for a leftover.
fn make_named(directory: BorrowedFd<'_>) -> Outcome<Made> {
    loop {
        let make = |name: &[u8]| path::open_at(directory, name, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, OWN_MODE);
        let (name, file) = under_free_name(directory, make)?;
        let is_held = lock::try_hold(file.as_fd()).map_err(Problem::system("locking a file"))?;
        if is_held && path::status(file.as_fd()).map_err(Problem::system("looking at a file"))?.links > 0 {
            return Ok(Made { file, name: Some(name) });
        }
    }
}

/// With what `make` gives under the first name that nobody has, or that somebody left.
fn under_free_name<T>(directory: BorrowedFd<'_>, make: impl Fn(&[u8]) -> SysResult<T>) -> Outcome<(Vec<u8>, T)> {
    let mut number = 0;
    let mut is_swept = false;
    loop {
        let name = match number {
            0..COMMON_NAMES => format!(".bunker-cp-{number}"),
            _ => format!(".bunker-cp-{}-{number}", process::own_pid()),
        };
        let name = name.into_bytes();
        match make(&name) {
            Ok(made) => return Ok((name, made)),
            Err(error) if error.errno == EEXIST && number < NAMES => {
                is_swept = !is_swept && sweep((directory, &name));
                number += u32::from(!is_swept);
            }
            Err(error) => return Err(Problem::system("making a file")(error)),
        }
    }
}

/// Removes a file that nobody is at work on any more. Anything odd is somebody else's.
fn sweep((directory, name): Name<'_>) -> bool {
    let is_ours = path::status_at(directory, name).is_ok_and(|found| found.is_regular());
    let flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    let Some(file) = is_ours.then(|| path::open_at(directory, name, flags, 0).ok()).flatten() else { return false };
    if !matches!(lock::try_hold(file.as_fd()), Ok(true)) {
        return false;
    }
    let (Ok(held), Ok(named)) = (path::status(file.as_fd()), path::status_at(directory, name)) else { return false };
    let is_same = (held.device, held.inode) == (named.device, named.inode);
    is_same && path::remove_file_at(directory, name).is_ok()
}

fn copy_bytes(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> SysResult<()> {
    let mut buffer = vec![0; BUFFER];
    let mut done = 0;
    loop {
        let count = path::read_at(from, &mut buffer, done)?;
        if count == 0 {
            return Ok(());
        }
        path::write_at(to, &buffer[..count], done)?;
        done += count as u64;
    }
}
