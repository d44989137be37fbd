//! OFD locks on files of ours; see `client::lock`, whose rules these are.

pub use crate::client::lock::{acquire, is_held_elsewhere, share, try_hold, wait};
