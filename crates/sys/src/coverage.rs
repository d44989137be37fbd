//! What ran, told by the counters that the compiler puts on every edge (LLVM's SanitizerCoverage, `inline-8bit-counters`).
//! In fuzzing builds alone (`--cfg bunker_fuzz`, and clippy reads it); there is nothing of it in the product.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

static START: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Called by the compiler's start-up code of every object, each time with the counters of the whole program.
// SAFETY: the name is the one that LLVM's documentation gives, and nothing else has it.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    START.store(start, Ordering::Relaxed);
    LENGTH.store((stop as usize).saturating_sub(start as usize), Ordering::Relaxed);
}

/// The counters of all edges, one byte each, which then begin anew. None where the compiler put none.
#[must_use]
pub fn take() -> Vec<u8> {
    let (start, length) = (START.load(Ordering::Relaxed), LENGTH.load(Ordering::Relaxed));
    let mut counters = vec![0; length];
    if !start.is_null() {
        // SAFETY: a section of the program, there as long as it runs, of bytes of any value. Whoever counts meanwhile (a test
        // harness has other threads) may lose a count.
        unsafe {
            std::ptr::copy_nonoverlapping(start, counters.as_mut_ptr(), length);
            std::ptr::write_bytes(start, 0, length);
        }
    }
    counters
}
