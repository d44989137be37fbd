//! Giving way to others.

/// linux/ioprio.h: only when nobody else wants the disk.
const IOPRIO_WHO_PROCESS: i32 = 1;
const IOPRIO_CLASS_IDLE: i32 = 3 << 13;
const LOWEST: i32 = 19;

/// The lowest priority for processor and disk, for this thread and those it makes. Best effort.
pub fn give_way() {
    // SAFETY: integers only; 0 is the caller.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, LOWEST);
        libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_IDLE);
    }
}
