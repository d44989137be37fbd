//! Waiting for an OFD lock on a file of the runtime directory; see `client::lock`, whose rules these are.

pub use crate::client::lock::wait;
