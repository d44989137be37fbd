//! Sandbox: a printable spec → namespaces, mounts, identity, exec.
//!
//! Two processes speak here, and each has its place. `launch` is the keeper's side: it clones, maps ids, and tells the child
//! when. Everything below `inside` runs in the child, in the container's namespaces, and ends in exec or in a failure that is
//! sent back. `fuse` has a program show the root where the kernel does not. `join` starts one more process in a sandbox that lives. `report` is what they say to each other.
//!
//! Create and start are apart: after `create` the sandbox is whole and its process waits for one word before exec.

mod foreign;
pub mod fuse;
mod gate;
pub(crate) mod identity;
mod inside;
mod join;
mod launch;
mod namespaces;
mod provision;
mod report;
mod share;

pub use foreign::retire;
pub use inside::init::init;
pub use inside::{resting_root, try_overlay};
pub use join::{JoinTarget, differing_namespaces, join};
pub use launch::{Handed, Sandbox, Streams, create, entered_namespaces, make};
pub use namespaces::OpenNamespaces;
