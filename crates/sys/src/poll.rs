//! (poll)
