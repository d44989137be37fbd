//! System calls whose errors name the call and its arguments. The only crate with `unsafe`.
//! Every function takes and returns file descriptors (`OwnedFd`, `BorrowedFd`) rather than paths where it can.

pub mod client;
#[cfg(any(bunker_fuzz, clippy))]
pub mod coverage;
pub mod credential;
pub mod datagram;
pub mod epoll;
pub mod error;
pub mod file;
pub mod inet;
pub mod landlock;
pub mod lock;
pub mod mount;
pub mod namespace;
pub mod netlink;
pub mod path;
pub mod poll;
pub mod priority;
pub mod process;
pub mod random;
pub(crate) mod raw;
pub mod socket;
pub mod splice;
pub mod terminal;
pub mod tun;
pub mod xattr;

pub use error::{SysError, SysResult};
