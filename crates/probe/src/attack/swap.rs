//! Two names exchanged again and again: whoever looks at a path twice sees two different things.

use std::ffi::CString;
use std::path::Path;

use serde_json::{Value, json};

/// Looking whether to stop is slower than exchanging.
const BATCH: u32 = 64;

/// How often it came to pass.
pub fn exchange(stop: &Path, one: &str, other: &str) -> Value {
    let (Ok(one), Ok(other)) = (CString::new(one), CString::new(other)) else { return Value::Null };
    let mut swaps = 0_u64;
    while !stop.exists() {
        for _ in 0..BATCH {
            // SAFETY: zero-terminated paths.
            let done = unsafe {
                let (from, to) = (one.as_ptr(), other.as_ptr());
                libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, from, libc::AT_FDCWD, to, libc::RENAME_EXCHANGE)
            };
            swaps += u64::from(done == 0);
        }
    }
    json!({ "swaps": swaps })
}
