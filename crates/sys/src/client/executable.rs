//! Turns bytes in memory into a descriptor that can be executed and that nobody, the container's root included, can write
//! to: a sealed memfd; where the host forbids executing those (vm.memfd_noexec=2), an unnamed file in a private directory.

use std::fs::Permissions;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

use super::files::{open, write_all};
use super::{check, own, path_of};
use crate::{SysError, SysResult};

/// linux/fcntl.h, Linux 6.3; libc has it only for some targets.
const F_SEAL_EXEC: libc::c_int = 0x20;
const SEALS: libc::c_int = libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;

/// The very memory that one of these processes runs from, if it is sealed and has exactly this content: then nothing has to be
/// written, and all of them share its pages.
pub fn share(content: &[u8], processes: &[i32]) -> Option<OwnedFd> {
    processes.iter().find_map(|process| {
        let running = open(&format!("/proc/{process}/exe"), libc::O_RDONLY).ok()?;
        (is_sealed(&running) && has_content(&running, content)).then_some(running)
    })
}

fn is_sealed(file: &OwnedFd) -> bool {
    // SAFETY: open descriptor, integers only; anything but a memfd is refused by the kernel.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    seals >= 0 && seals & SEALS == SEALS
}

/// Nobody can change it any more, so comparing once is enough.
fn has_content(file: &OwnedFd, content: &[u8]) -> bool {
    let length = content.len();
    // SAFETY: a new mapping of a file that can neither shrink nor change, of the length that was checked, unmapped below.
    unsafe {
        let mut status: libc::stat = std::mem::zeroed();
        if libc::fstat(file.as_raw_fd(), &raw mut status) < 0 || usize::try_from(status.st_size) != Ok(length) {
            return false;
        }
        let flags = libc::MAP_PRIVATE | libc::MAP_POPULATE;
        let start = libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, flags, file.as_raw_fd(), 0);
        if start == libc::MAP_FAILED {
            return false;
        }
        let same = std::slice::from_raw_parts(start.cast::<u8>(), length) == content;
        libc::munmap(start, length);
        same
    }
}

/// The program that is running, open for whoever is executed next.
pub fn inherit_own() -> SysResult<OwnedFd> {
    // SAFETY: zero-terminated path.
    own(unsafe { libc::open(c"/proc/self/exe".as_ptr(), libc::O_PATH) }, || "open(/proc/self/exe)".to_owned())
}

/// An executable descriptor with this content. `directory` is ours alone and is used only if memfds cannot be executed.
pub fn make(content: &[u8], directory: &str) -> SysResult<OwnedFd> {
    match sealed_memfd(content) {
        Err(error) if matches!(error.errno, libc::EACCES | libc::EPERM | libc::ENOSYS) => {
            unnamed_file(content, directory)
        }
        other => other,
    }
}

fn sealed_memfd(content: &[u8]) -> SysResult<OwnedFd> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let create = |flags| {
        // SAFETY: zero-terminated name.
        own(unsafe { libc::memfd_create(c"keeper".as_ptr(), flags) }, || "memfd_create(\"keeper\")".to_owned())
    };
    let memory = match create(flags | libc::MFD_EXEC) {
        // Kernels before 6.3 do not know MFD_EXEC and always make them executable.
        Err(error) if error.errno == libc::EINVAL => create(flags)?,
        other => other?,
    };
    write_all(memory.as_fd(), content, || "write(memfd \"keeper\")".to_owned())?;
    if add_seals(&memory, SEALS | F_SEAL_EXEC).is_err() {
        add_seals(&memory, SEALS)?;
    }
    Ok(memory)
}

fn add_seals(memory: &OwnedFd, seals: libc::c_int) -> SysResult<()> {
    // SAFETY: open descriptor, integer argument.
    check(unsafe { libc::fcntl(memory.as_raw_fd(), libc::F_ADD_SEALS, seals) }, || {
        format!("fcntl(memfd, F_ADD_SEALS, {seals:#x})")
    })
    .map(drop)
}

/// O_TMPFILE, or a file unlinked at once where the filesystem has no O_TMPFILE. Executing needs it closed for writing
/// (ETXTBSY), so the descriptor returned is a second, read-only one.
fn unnamed_file(content: &[u8], directory: &str) -> SysResult<OwnedFd> {
    let (writer, name) = match open(directory, libc::O_TMPFILE | libc::O_RDWR) {
        Ok(writer) => (writer, None),
        Err(_) => {
            let name = format!("{directory}/keeper.{}", std::process::id());
            (open(&name, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW)?, Some(name))
        }
    };
    let filled = write_all(writer.as_fd(), content, || format!("write({directory:?})")).and_then(|()| {
        let file = std::fs::File::from(writer);
        file.set_permissions(Permissions::from_mode(0o500))
            .map_err(|error| SysError::from_io("fchmod(keeper)", &error))?;
        open(&path_of(&file), libc::O_RDONLY)
    });
    if let Some(name) = name {
        std::fs::remove_file(&name).map_err(|error| SysError::from_io(format!("unlink({name:?})"), &error))?;
    }
    filled
}
