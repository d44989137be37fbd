//! What only the kernel can do, as plan → apply → undo. Knows no configuration, no environment, no store layout.

pub mod capability;
pub mod changes;
pub mod copy;
pub mod failure;
#[cfg(all(test, any(bunker_fuzz, clippy)))]
mod fuzz;
pub mod inroot;
pub mod layer;
pub mod leftover;
pub mod limit;
pub mod lockin;
pub mod oci;
pub mod sandbox;
pub mod seccomp;
pub mod spec;
pub mod trash;
pub mod tree;
pub mod usage;
pub mod userns;

pub use failure::{Failure, FailureCode};
