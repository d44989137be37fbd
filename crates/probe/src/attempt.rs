//! Tries one system call in a child of its own, so that whatever it does (block, end, be killed) is an answer and not the end.

use std::time::{Duration, Instant};

use libc::{c_int, c_long};

/// A call that has not come back by then is waiting, that is, it was let through.
const PATIENCE: Duration = Duration::from_millis(100);
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// What became of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned this error.
    Errno(i32),
    /// It returned something else.
    Returned,
    /// It did not come back: exit, exec, or a wait.
    Ended,
    Waits,
    /// SIGSYS is seccomp's way; others are the call's own doing.
    Killed(i32),
    /// The child could not be made.
    Untried(i32),
}

impl Outcome {
    /// One word for the record: an errno's name, `ok`, `ends`, `waits` or `signal N`.
    pub fn word(&self) -> String {
        match self {
            Self::Errno(errno) => errno_name(*errno),
            Self::Returned => "ok".to_owned(),
            Self::Ended => "ends".to_owned(),
            Self::Waits => "waits".to_owned(),
            Self::Killed(signal) => format!("signal {signal}"),
            Self::Untried(errno) => format!("untried {}", errno_name(*errno)),
        }
    }
}

/// Calls `number` with `arguments` in a child.
pub fn attempt(number: c_long, arguments: [c_long; 6]) -> Outcome {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: a raw call in a child that only reports afterwards; see `in_child`.
    in_child(|| unsafe { libc::syscall(number, a, b, c, d, e, f) })
}

/// Runs `call` in a forked child; it must return as syscall(2) does (-1 and errno).
pub fn in_child(call: impl FnOnce() -> c_long) -> Outcome {
    let mut pipe = [0; 2];
    // SAFETY: the array has room for two descriptors.
    if unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Outcome::Untried(errno());
    }
    let [reader, writer] = pipe;
    // SAFETY: this program has one thread, so the child may do anything.
    match unsafe { libc::fork() } {
        -1 => Outcome::Untried(errno()),
        0 => report(call, writer),
        child => {
            close(writer);
            let outcome = watch(child, reader);
            close(reader);
            outcome
        }
    }
}

/// The child's life: call, write the errno (0: none) into the pipe, end.
fn report(call: impl FnOnce() -> c_long, writer: c_int) -> ! {
    // SAFETY: plain calls on our own process.
    unsafe {
        let me = libc::getpid();
        *libc::__errno_location() = 0;
        let result = call();
        let answer = if result == -1 { errno() } else { 0 };
        // A call that forked comes back twice; only the first may tell.
        if libc::getpid() == me {
            libc::write(writer, (&raw const answer).cast(), size_of_val(&answer));
        }
        libc::_exit(0)
    }
}

fn watch(child: c_int, reader: c_int) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    let mut status = 0;
    // SAFETY: our own child, a valid place for its status.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if Instant::now() > deadline {
            // SAFETY: not yet reaped, so the number is still this child's.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &raw mut status, 0);
            }
            return Outcome::Waits;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    if libc::WIFSIGNALED(status) {
        return Outcome::Killed(libc::WTERMSIG(status));
    }
    let mut answer: c_int = 0;
    // SAFETY: reads into an integer of that size; the child is gone, so it cannot block.
    match unsafe { libc::read(reader, (&raw mut answer).cast(), size_of_val(&answer)) } {
        0 => Outcome::Ended,
        _ if answer == 0 => Outcome::Returned,
        _ => Outcome::Errno(answer),
    }
}

fn close(fd: c_int) {
    // SAFETY: a descriptor of ours that nobody uses afterwards.
    unsafe { libc::close(fd) };
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Those that the record is likely to have; others by number.
pub fn errno_name(errno: i32) -> String {
    const NAMES: &[(i32, &str)] = &[
        (libc::EPERM, "EPERM"),
        (libc::ENOENT, "ENOENT"),
        (libc::ESRCH, "ESRCH"),
        (libc::EINTR, "EINTR"),
        (libc::EIO, "EIO"),
        (libc::ENXIO, "ENXIO"),
        (libc::E2BIG, "E2BIG"),
        (libc::ENOEXEC, "ENOEXEC"),
        (libc::EBADF, "EBADF"),
        (libc::ECHILD, "ECHILD"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EACCES, "EACCES"),
        (libc::EFAULT, "EFAULT"),
        (libc::EBUSY, "EBUSY"),
        (libc::EEXIST, "EEXIST"),
        (libc::ENODEV, "ENODEV"),
        (libc::ENOTDIR, "ENOTDIR"),
        (libc::EISDIR, "EISDIR"),
        (libc::EINVAL, "EINVAL"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENOTTY, "ENOTTY"),
        (libc::EFBIG, "EFBIG"),
        (libc::ENOSPC, "ENOSPC"),
        (libc::ESPIPE, "ESPIPE"),
        (libc::EROFS, "EROFS"),
        (libc::EDOM, "EDOM"),
        (libc::ERANGE, "ERANGE"),
        (libc::ENAMETOOLONG, "ENAMETOOLONG"),
        (libc::ENOSYS, "ENOSYS"),
        (libc::ELOOP, "ELOOP"),
        (libc::EOVERFLOW, "EOVERFLOW"),
        (libc::ENOTSOCK, "ENOTSOCK"),
        (libc::EPROTOTYPE, "EPROTOTYPE"),
        (libc::EPROTONOSUPPORT, "EPROTONOSUPPORT"),
        (libc::ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"),
        (libc::EOPNOTSUPP, "EOPNOTSUPP"),
        (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
        (libc::ENOBUFS, "ENOBUFS"),
        (libc::ENOTCONN, "ENOTCONN"),
        (libc::ETIMEDOUT, "ETIMEDOUT"),
        (libc::ENOKEY, "ENOKEY"),
        (libc::EKEYREVOKED, "EKEYREVOKED"),
        (libc::EDQUOT, "EDQUOT"),
    ];
    let name = NAMES.iter().find(|(number, _)| *number == errno).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| format!("errno {errno}"))
}
