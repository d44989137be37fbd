//! Processes: making, watching, ending, becoming another program. Single-threaded callers only: after a clone the child goes on
//! with a copy of everything, locks of other threads included.

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{mem, ptr};

use crate::raw::{check, check_long, own_long, retry};
use crate::{SysError, SysResult};

const CLONE_PIDFD: u64 = libc::CLONE_PIDFD as u64;
const CLONE_PARENT: u64 = libc::CLONE_PARENT as u64;
/// linux/sched.h: start the child in the cgroup of `cgroup`.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// The kernel's sigset_t, and one more than the last signal.
const KERNEL_SIGSET_SIZE: usize = 8;
const SIGNALS: libc::c_int = 64;
/// linux/pidfd.h: how a process ended, from its pidfd, also for a process that is not our child (Linux 6.15).
const PIDFD_INFO_EXIT: u64 = 1 << 3;
const PIDFD_GET_INFO: u64 = 0xc040_ff0b;

/// Which side of a clone this is.
pub enum Cloned {
    Parent { pid: i32, pidfd: OwnedFd },
    Child,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Code(i32),
    Signal(i32),
}

impl Ended {
    fn from_wait_status(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signal(libc::WTERMSIG(status))
        } else {
            Self::Code(libc::WEXITSTATUS(status))
        }
    }

    /// As a shell and docker say it: 128 + n for a signal.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }

    pub fn signal(self) -> Option<i32> {
        if let Self::Signal(signal) = self { Some(signal) } else { None }
    }
}

/// clone3(2) like a fork, into new namespaces (`flags`), into `cgroup` if given, as a sibling if `as_sibling`.
pub fn clone_process(flags: i32, cgroup: Option<BorrowedFd<'_>>, as_sibling: bool) -> SysResult<Cloned> {
    #[repr(C, align(8))]
    #[derive(Default)]
    struct Arguments {
        flags: u64,
        pidfd: u64,
        child_tid: u64,
        parent_tid: u64,
        exit_signal: u64,
        stack: u64,
        stack_size: u64,
        tls: u64,
        set_tid: u64,
        set_tid_size: u64,
        cgroup: u64,
    }
    let mut pidfd: i32 = -1;
    let mut arguments = Arguments {
        flags: CLONE_PIDFD | u64::from(flags.cast_unsigned()),
        pidfd: &raw mut pidfd as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..Arguments::default()
    };
    if as_sibling {
        // The signal of a sibling is its parent's own (clone(2), CLONE_PARENT).
        arguments.flags |= CLONE_PARENT;
        arguments.exit_signal = 0;
    }
    if let Some(group) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: no CLONE_VM: the child has its own copy of all memory; this process has one thread, so no lock is held
    // elsewhere; the arguments live through the call.
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<Arguments>()) };
    match check_long(result, || format!("clone3({flags:#x})"))? {
        0 => Ok(Cloned::Child),
        // SAFETY: the kernel has just stored a fresh descriptor there.
        pid => Ok(Cloned::Parent { pid: pid as i32, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
    }
}

/// fork(2), for where the filter knows no clone3.
pub fn fork() -> SysResult<i32> {
    // SAFETY: this process has one thread, so no lock is held elsewhere; the child has its own copy of all memory.
    check(unsafe { libc::fork() }, || "fork()".to_owned())
}

/// A descriptor for a process by number; ESRCH when there is none.
pub fn open_pidfd(pid: i32) -> SysResult<OwnedFd> {
    // SAFETY: integers only.
    own_long(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) }, || format!("pidfd_open({pid})"))
}

/// Sends a signal to exactly the process behind a pidfd.
pub fn signal(pidfd: BorrowedFd<'_>, signal: i32) -> SysResult<()> {
    // SAFETY: no siginfo is given.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, ptr::null::<u8>(), 0) };
    check_long(result, || format!("pidfd_send_signal({signal})")).map(drop)
}

/// A descriptor for the process of this number if it still is the one that started then; `None` if it is not.
pub fn open_pidfd_if_same(pid: i32, started: u64) -> SysResult<Option<OwnedFd>> {
    let pidfd = match open_pidfd(pid) {
        Err(error) if matches!(error.errno, libc::ESRCH | libc::EINVAL) => return Ok(None),
        other => other?,
    };
    // Opened first, compared after: what is compared is then surely what was opened.
    Ok((start_time(pid) == Some(started)).then_some(pidfd))
}

/// Sends a signal to the process of this number if it still is the one that started then; false if it is not.
pub fn signal_if_same(pid: i32, started: u64, number: i32) -> SysResult<bool> {
    let Some(pidfd) = open_pidfd_if_same(pid, started)? else { return Ok(false) };
    match signal(pidfd.as_fd(), number) {
        Err(error) if error.errno == libc::ESRCH => Ok(false),
        other => other.map(|()| true),
    }
}

/// Waits for the end of a child; `None` if it still runs and `block` is false.
pub fn wait_child(pid: i32, block: bool) -> SysResult<Option<Ended>> {
    let mut status = 0;
    let options = if block { 0 } else { libc::WNOHANG };
    // SAFETY: status lives through the call.
    let done =
        retry(|| unsafe { libc::waitpid(pid, &raw mut status, options) as isize }, || format!("waitpid({pid})"))?;
    Ok((done != 0).then(|| Ended::from_wait_status(status)))
}

/// Reaps any child of this process (PID 1's duty): its pid and end, `None` when none has ended.
pub fn wait_any(block: bool) -> SysResult<Option<(i32, Ended)>> {
    let mut status = 0;
    let options = if block { 0 } else { libc::WNOHANG };
    // SAFETY: status lives through the call.
    let done = retry(|| unsafe { libc::waitpid(-1, &raw mut status, options) as isize }, || "waitpid(-1)".to_owned())?;
    Ok((done != 0).then(|| (done as i32, Ended::from_wait_status(status))))
}

/// How a process that is not our child ended; `None`: its parent has not reaped it yet.
///
/// # Errors
/// Where the kernel cannot tell (before Linux 6.15).
pub fn exit_of_stranger(pidfd: BorrowedFd<'_>) -> SysResult<Option<Ended>> {
    /// struct pidfd_info; `mask` says what was filled in.
    #[repr(C)]
    #[derive(Default)]
    struct Information {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit_code: i32,
    }
    let mut information = Information { mask: PIDFD_INFO_EXIT, ..Information::default() };
    // SAFETY: the structure has the size that is coded in the request's number, and lives through the call.
    let result = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO as _, &raw mut information) };
    check(result, || "ioctl(PIDFD_GET_INFO)".to_owned())?;
    Ok((information.mask & PIDFD_INFO_EXIT != 0).then(|| Ended::from_wait_status(information.exit_code)))
}

/// Replaces this program; returns only if that failed.
pub fn execute(path: &CStr, arguments: &[CString], environment: &[CString]) -> SysError {
    let (argv, envp) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end in null and, like the path, live until the call returns (if it does).
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    SysError::last(format!("execve({path:?})"))
}

/// As `execute`, for a program that is open.
pub fn execute_fd(program: BorrowedFd<'_>, arguments: &[CString], environment: &[CString]) -> SysError {
    let (argv, envp) = (pointers(arguments), pointers(environment));
    // SAFETY: as in `execute`.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            program.as_raw_fd(),
            c"".as_ptr(),
            argv.as_ptr(),
            envp.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    SysError::last("execveat(fd)")
}

fn pointers(words: &[CString]) -> Vec<*const c_char> {
    words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
}

/// Ends this process at once: no destructors, no buffers.
pub fn exit(code: i32) -> ! {
    // SAFETY: never returns.
    unsafe { libc::_exit(code) }
}

pub fn own_pid() -> i32 {
    // SAFETY: cannot fail.
    unsafe { libc::getpid() }
}

/// Whose child this process is.
pub fn parent_pid() -> i32 {
    // SAFETY: cannot fail.
    unsafe { libc::getppid() }
}

/// The process of this id is to get SIGKILL when the thread that made it ends; 0 signals: no more.
pub fn set_parent_death_signal(signal: i32) -> SysResult<()> {
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal) }, || format!("prctl(PR_SET_PDEATHSIG, {signal})"))
        .map(drop)
}

/// Descendants whose parent ends become this process's children (or no longer do).
pub fn adopt_orphans(wanted: bool) -> SysResult<()> {
    // SAFETY: integers only.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, libc::c_ulong::from(wanted)) };
    check(result, || "prctl(PR_SET_CHILD_SUBREAPER)".to_owned()).map(drop)
}

/// Whether others may look into this process (ptrace, /proc/<pid>/fd).
pub fn set_dumpable(dumpable: bool) -> SysResult<()> {
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, libc::c_int::from(dumpable)) }, || {
        "prctl(PR_SET_DUMPABLE)".to_owned()
    })
    .map(drop)
}

/// What `ps` and /proc call this process: at most 15 letters.
pub fn set_name(name: &CStr) {
    // SAFETY: zero-terminated. It cannot fail.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// A session of its own, without a terminal.
pub fn new_session() -> SysResult<()> {
    // SAFETY: no arguments.
    check(unsafe { libc::setsid() }, || "setsid()".to_owned()).map(drop)
}

/// A process group of its own, in the foreground of the terminal behind `terminal` if that is one (tcsetpgrp(3)).
pub fn lead_foreground_group(terminal: i32) -> SysResult<()> {
    // SAFETY: integers only; as a background process it would be stopped by SIGTTOU unless that is ignored meanwhile.
    unsafe {
        check(libc::setpgid(0, 0), || "setpgid(0, 0)".to_owned())?;
        let before = libc::signal(libc::SIGTTOU, libc::SIG_IGN);
        libc::tcsetpgrp(terminal, libc::getpid());
        libc::signal(libc::SIGTTOU, before);
    }
    Ok(())
}

/// The execution domain of this process and of what it executes (personality(2)).
pub fn set_personality(persona: u32) -> SysResult<()> {
    // SAFETY: integers only.
    check(unsafe { libc::personality(libc::c_ulong::from(persona)) }, || format!("personality({persona:#x})")).map(drop)
}

/// Every disposition to default, the mask to empty. Raw calls, because libc hides its own two real-time signals.
pub fn reset_signals() {
    let default = [0_u64; 4];
    // SAFETY: buffers of the kernel's sizes; KILL and STOP refuse, as they should.
    unsafe {
        for signal in 1..=SIGNALS {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null_mut::<u8>(), KERNEL_SIGSET_SIZE);
        }
    }
    set_signal_mask(0);
}

/// Makes a signal do nothing, until `reset_signals`.
pub fn ignore_signal(number: i32) {
    // SAFETY: a disposition without a handler; an invalid number is refused.
    unsafe { libc::signal(number, libc::SIG_IGN) };
}

/// Blocks exactly the signals whose bit (number - 1) is set.
pub fn set_signal_mask(blocked: u64) {
    // SAFETY: the mask has the kernel's size and lives through the call.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const blocked,
            ptr::null_mut::<u8>(),
            KERNEL_SIGSET_SIZE,
        );
    }
}

/// Waits for one of the blocked signals and takes it.
pub fn wait_signal(blocked: u64) -> SysResult<i32> {
    // SAFETY: as above; no siginfo, no timeout.
    let attempt = || unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const blocked,
            ptr::null_mut::<u8>(),
            ptr::null::<u8>(),
            KERNEL_SIGSET_SIZE,
        ) as isize
    };
    retry(attempt, || "rt_sigtimedwait()".to_owned()).map(|number| number as i32)
}

/// kill(2) by number: only for processes whose number cannot be recycled meanwhile (own children not yet reaped, -1).
pub fn kill_number(pid: i32, signal: i32) -> SysResult<()> {
    // SAFETY: integers only.
    check(unsafe { libc::kill(pid, signal) }, || format!("kill({pid}, {signal})")).map(drop)
}

/// The boot this is: numbers and start times of processes mean nothing in another one.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Wall clock as seconds and nanoseconds since 1970.
pub fn wall_clock() -> (i64, i64) {
    // SAFETY: timespec is plain data and lives through the call.
    unsafe {
        let mut now: libc::timespec = mem::zeroed();
        libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now);
        (now.tv_sec, now.tv_nsec)
    }
}

/// Field 22 of proc_pid_stat(5), in clock ticks after boot: with the pid, what tells a process from a later one of that number.
/// `None`: there is no such process (any more), or it is a zombie.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything, parentheses included.
    let after_name = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(stat.get(after_name + 2..)?).ok()?.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
