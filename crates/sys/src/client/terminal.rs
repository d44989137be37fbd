//! The user's own terminal, from the process that belongs to its session: size, raw mode, and a pump that carries its
//! input into a pipe, so that the keeper (a session of its own) never reads a terminal that is not its.

use std::mem;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::files::write_all;
use super::{borrow, check, duplicate, retry};
use crate::SysResult;

/// What `enter_raw` found, to be put back by `restore`.
pub struct SavedTerminal {
    terminal: OwnedFd,
    attributes: libc::termios,
}

/// isatty(3).
pub fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: takes any number.
    unsafe { libc::isatty(fd) == 1 }
}

/// Rows and columns (TIOCGWINSZ).
pub fn window_size(fd: RawFd) -> SysResult<(u16, u16)> {
    borrow(fd)?;
    // SAFETY: winsize is plain data and lives through the call.
    unsafe {
        let mut size: libc::winsize = mem::zeroed();
        check(libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size), || format!("ioctl({fd}, TIOCGWINSZ)"))?;
        Ok((size.ws_row, size.ws_col))
    }
}

/// cfmakeraw(3) on the terminal; keeps a descriptor of its own for the way back.
pub fn enter_raw(fd: RawFd) -> SysResult<SavedTerminal> {
    let terminal = duplicate(fd)?;
    // SAFETY: termios is plain data and lives through the calls.
    unsafe {
        let mut attributes: libc::termios = mem::zeroed();
        check(libc::tcgetattr(fd, &raw mut attributes), || format!("tcgetattr({fd})"))?;
        let mut raw = attributes;
        libc::cfmakeraw(&raw mut raw);
        check(libc::tcsetattr(fd, libc::TCSANOW, &raw const raw), || format!("tcsetattr({fd}, raw)"))?;
        Ok(SavedTerminal { terminal, attributes })
    }
}

/// Puts the terminal back as it was found.
pub fn restore(saved: &SavedTerminal) -> SysResult<()> {
    let fd = saved.terminal.as_raw_fd();
    // SAFETY: the attributes live through the call.
    check(unsafe { libc::tcsetattr(fd, libc::TCSANOW, &raw const saved.attributes) }, || {
        format!("tcsetattr({fd}, saved)")
    })
    .map(drop)
}

/// A close-on-exec pipe: (reading end, writing end).
pub fn pipe() -> SysResult<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: a valid array of two ints.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, || "pipe2()".to_owned())?;
    // SAFETY: fresh descriptors that nobody else owns.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Copies terminal input to `sink` until the terminal ends or the pipe has no reader. Runs on a thread of its own.
/// Signals stay with the main thread except the terminal's stop signals: a thread that blocks SIGTTIN gets EIO instead of
/// being stopped (tty_check_change in the kernel), which would break job control.
pub fn pump(source: &OwnedFd, sink: &OwnedFd) -> SysResult<()> {
    block_signals_but_job_control();
    let mut buffer = [0_u8; 16 * 1024];
    loop {
        if !wait_readable(source, sink)? {
            return Ok(());
        }
        // SAFETY: the buffer is valid for its length.
        let attempt = || unsafe { libc::read(source.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        match retry(attempt, || "read(terminal)".to_owned()) {
            Ok(0) => return Ok(()),
            Ok(count) => write_all(sink.as_fd(), &buffer[..count], || "write(terminal pipe)".to_owned())?,
            Err(error) if error.errno == libc::EAGAIN => {}
            Err(error) => return Err(error),
        }
    }
}

/// False when the pipe's reader is gone.
fn wait_readable(source: &OwnedFd, sink: &OwnedFd) -> SysResult<bool> {
    let mut watched = [
        libc::pollfd { fd: source.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        libc::pollfd { fd: sink.as_raw_fd(), events: 0, revents: 0 },
    ];
    // SAFETY: a valid array of two pollfds.
    retry(|| unsafe { libc::poll(watched.as_mut_ptr(), 2, -1) as isize }, || "poll(terminal)".to_owned())?;
    Ok(watched[1].revents & (libc::POLLERR | libc::POLLHUP) == 0)
}

fn block_signals_but_job_control() {
    // SAFETY: sigset_t is initialised by sigfillset; changes this thread's mask only.
    unsafe {
        let mut blocked: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&raw mut blocked);
        for signal in [libc::SIGTTIN, libc::SIGTTOU, libc::SIGTSTP] {
            libc::sigdelset(&raw mut blocked, signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const blocked, std::ptr::null_mut());
    }
}

/// For other helper threads: every signal is the main thread's business.
pub fn block_all_signals() {
    // SAFETY: as above.
    unsafe {
        let mut blocked: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&raw mut blocked);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const blocked, std::ptr::null_mut());
    }
}
