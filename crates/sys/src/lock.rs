//! (lock)
