//! Every system call by number with harmless bad arguments: what answers EPERM or ENOSYS here and not elsewhere is filtered.

use libc::c_long;
use serde_json::{Map, Value};

use crate::attempt::attempt;

/// As far as Linux 6.18 goes.
const LAST: c_long = 471;

/// Not a descriptor, not an address, not a size, and no known flags: EBADF, EFAULT or EINVAL from whatever looks at it.
const BAD: c_long = -1;

/// Calls for which all ones would do something, or would not tell a filter's answer from their own.
fn arguments(number: c_long) -> [c_long; 6] {
    match number {
        // All ones is an unknown operation, which it answers with ENOSYS as some filters do. FUTEX_WAKE, unaligned: EINVAL.
        libc::SYS_futex => [1, 1, 1, 0, 0, 0],
        // All ones says IPC_CREAT and would leave a queue behind. No such key: ENOENT.
        libc::SYS_msgget => [0x7e57_0001, 0, 0, 0, 0, 0],
        // An unknown function is ENOSYS; reading no bytes is fine.
        #[cfg(target_arch = "x86_64")]
        libc::SYS_modify_ldt => [0, 0, 0, 0, 0, 0],
        // Asks only, in the 32 bits that the kernel looks at: filters that compare 64 refuse all ones.
        libc::SYS_personality => [0xffff_ffff, 0, 0, 0, 0, 0],
        _ => [BAD; 6],
    }
}

/// sync writes out every disk of the machine, which takes as long as it takes. vfork shares the memory of this program until the
/// child ends: nothing but a compiler's own code may call it; the same in the kernel, and in every filter worth its name, as
/// clone.
#[cfg(target_arch = "x86_64")]
const SKIPPED: &[c_long] = &[libc::SYS_sync, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const SKIPPED: &[c_long] = &[libc::SYS_sync];

/// By number, since names differ between tables: what each call answers.
pub fn syscalls() -> Value {
    let tried = (0..=LAST).filter(|number| !SKIPPED.contains(number));
    let answers: Map<String, Value> =
        tried.map(|number| (number.to_string(), attempt(number, arguments(number)).word().into())).collect();
    Value::Object(answers)
}
