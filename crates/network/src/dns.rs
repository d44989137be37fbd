//! Names for containers: who asks is known by the source address, and sees the names of the networks it is on. What is not
//! ours is asked of the host's name servers, from the host's side; from a network without a way out nothing ever is.
//!
//! ```text
//!  container ──question──► Server (sockets) ──► Zone::respond ──► an answer, or silence
//!                                │                   └► Question ──► Forwarder ──► name servers
//! ```
//!
//! `message` reads questions and writes answers, `zone` knows names, `respond` decides. All of these are pure, and total:
//! whatever bytes come in, they end without a panic.

pub(crate) mod message;
#[cfg(test)]
mod packet_text;
mod respond;
mod zone;

pub use message::{Question, Transport};
pub use respond::Verdict;
pub use zone::{Attachment, Container, Zone};
