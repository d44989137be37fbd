//! Starts the keeper from inside Bun, whose process has threads and a big heap: never fork, but two vfork-like clones that
//! share its memory until the exec. The one in between ends at once, so that the keeper belongs to init (or the nearest
//! subreaper) and Bun neither gets SIGCHLD for it nor has to reap it, however long either of them lives.
//! The code between clone and exec runs in Bun's memory: no allocation, no locks, no libc state, raw system calls only.

use std::ffi::{CString, c_char, c_void};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::{mem, ptr};

use super::files::open;
use super::{borrow, check, retry};
use crate::{SysError, SysResult};

/// The child's descriptor 0 to 2 are /dev/null; the given ones follow from here, in order.
const FIRST_PASSED_FD: RawFd = 3;
/// Room for both children's stacks; they call little more than system calls.
const STACK_SIZE: usize = 64 * 1024;
/// The kernel's sigset_t and _NSIG.
const KERNEL_SIGSET_SIZE: usize = 8;
const SIGNALS: libc::c_int = 64;
/// Sharing memory and stopping the caller until exec; no termination signal.
const CLONE_FLAGS: libc::c_int = libc::CLONE_VM | libc::CLONE_VFORK;

/// What to start, and with what.
pub struct Spawn<'a> {
    pub executable: BorrowedFd<'a>,
    pub argv: &'a [&'a str],
    /// Become 3, 4, …; close-on-exec or not does not matter.
    pub fds: &'a [RawFd],
    /// RLIMIT_NOFILE's soft limit for the child; `None`: as ours (Bun raises it to the hard one).
    pub open_files: Option<u64>,
}

/// Everything the children read and write, prepared before the first clone.
struct Plan {
    executable: RawFd,
    argv: Vec<*const c_char>,
    null: RawFd,
    fds: Vec<RawFd>,
    open_files: Option<u64>,
    inner_stack: *mut c_void,
    /// Written by the children: the keeper's pid, or the errno and step that failed.
    pid: libc::pid_t,
    errno: i32,
    step: &'static str,
}

/// Starts a program with an empty environment, default signals, an empty mask, /dev/null as standard streams and no
/// descriptor but the given ones. Returns its pid; it is nobody's child of ours.
pub fn spawn_detached(request: &Spawn<'_>) -> SysResult<libc::pid_t> {
    for fd in request.fds {
        borrow(*fd)?;
    }
    let arguments: Vec<CString> = request
        .argv
        .iter()
        .map(|word| CString::new(*word))
        .collect::<Result<_, _>>()
        .map_err(|_| SysError::new("execveat(argv)", libc::EINVAL))?;
    let null = open("/dev/null", libc::O_RDWR)?;
    let mut stacks = vec![0_u128; 2 * STACK_SIZE / mem::size_of::<u128>()];
    let bottom = stacks.as_mut_ptr().cast::<u8>();
    let mut plan = Plan {
        executable: request.executable.as_raw_fd(),
        argv: arguments.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect(),
        null: null.as_raw_fd(),
        fds: request.fds.to_vec(),
        open_files: request.open_files,
        inner_stack: bottom.wrapping_add(STACK_SIZE).cast(),
        pid: 0,
        errno: 0,
        step: "",
    };
    run_outer(&mut plan, bottom.wrapping_add(2 * STACK_SIZE).cast())?;
    if plan.errno == 0 { Ok(plan.pid) } else { Err(SysError::new(format!("{}(keeper)", plan.step), plan.errno)) }
}

fn run_outer(plan: &mut Plan, stack: *mut c_void) -> SysResult<()> {
    // SAFETY: the mask is restored below; CLONE_VFORK keeps this thread stopped until the child is gone, so stack and plan
    // outlive it; with all signals blocked none of Bun's handlers runs in the child; __WCLONE reaps exactly that child
    // (its termination signal is none), which Bun's own waiting cannot see.
    unsafe {
        let mut all: libc::sigset_t = mem::zeroed();
        let mut before: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let child = check(libc::clone(outer, stack, CLONE_FLAGS, ptr::from_mut(plan).cast()), || {
            "clone(CLONE_VM|CLONE_VFORK)".to_owned()
        });
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        let child = child?;
        retry(|| libc::waitpid(child, ptr::null_mut(), libc::__WCLONE) as isize, || format!("waitpid({child})"))
            .map(drop)
    }
}

/// The process in between: starts the keeper and ends.
extern "C" fn outer(plan: *mut c_void) -> libc::c_int {
    // SAFETY: `plan` is the caller's, who is stopped until this process ends.
    unsafe {
        let plan = plan.cast::<Plan>();
        let pid = libc::clone(inner, (*plan).inner_stack, CLONE_FLAGS, plan.cast());
        if pid < 0 {
            (*plan).errno = *libc::__errno_location();
            (*plan).step = "clone";
        } else {
            (*plan).pid = pid;
        }
        libc::_exit(0)
    }
}

/// The keeper-to-be.
extern "C" fn inner(plan: *mut c_void) -> libc::c_int {
    // SAFETY: `plan` belongs to the first process, which is stopped until our exec or exit; everything here is a system
    // call on prepared data.
    unsafe {
        let plan = &mut *plan.cast::<Plan>();
        plan.step = become_keeper(plan);
        plan.errno = *libc::__errno_location();
        libc::_exit(127)
    }
}

/// Returns only on failure: the name of the call that failed, errno set.
unsafe fn become_keeper(plan: &mut Plan) -> &'static str {
    // SAFETY: see `inner`; descriptors and dispositions are copies of our own (no CLONE_FILES, no CLONE_SIGHAND).
    unsafe {
        let end = FIRST_PASSED_FD + plan.fds.len() as RawFd;
        // First out of the way of the targets, then down to them: a source may be another's target.
        let executable = libc::fcntl(plan.executable, libc::F_DUPFD_CLOEXEC, end);
        let null = libc::fcntl(plan.null, libc::F_DUPFD_CLOEXEC, end);
        if executable < 0 || null < 0 {
            return "fcntl(F_DUPFD)";
        }
        for fd in &mut plan.fds {
            *fd = libc::fcntl(*fd, libc::F_DUPFD_CLOEXEC, end);
            if *fd < 0 {
                return "fcntl(F_DUPFD)";
            }
        }
        for target in 0..end {
            let source = if target < FIRST_PASSED_FD { null } else { plan.fds[(target - FIRST_PASSED_FD) as usize] };
            if libc::dup2(source, target) < 0 {
                return "dup2";
            }
        }
        if libc::syscall(libc::SYS_close_range, end, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) < 0 {
            return "close_range";
        }
        set_open_files(plan.open_files);
        reset_signals();
        let environment: [*const c_char; 1] = [ptr::null()];
        libc::syscall(
            libc::SYS_execveat,
            executable,
            c"".as_ptr(),
            plan.argv.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
        "execveat"
    }
}

/// Best effort: a limit the keeper cannot have is the keeper's to report when it applies the container's.
unsafe fn set_open_files(soft: Option<u64>) {
    let Some(soft) = soft else { return };
    // SAFETY: rlimit is plain data.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = soft.min(limit.rlim_max);
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Every disposition to default (an ignored signal would stay ignored over exec), then the mask to empty. Raw calls,
/// because libc hides its own two real-time signals. A zeroed kernel sigaction is SIG_DFL without flags.
unsafe fn reset_signals() {
    let default = [0_u64; 4];
    let empty = 0_u64;
    // SAFETY: buffers of the kernel's sizes; KILL and STOP refuse, as they should.
    unsafe {
        for signal in 1..=SIGNALS {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<c_void>(),
                KERNEL_SIGSET_SIZE,
            );
        }
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const empty,
            ptr::null_mut::<c_void>(),
            KERNEL_SIGSET_SIZE,
        );
    }
}
