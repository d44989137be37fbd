//! Names for containers: who asks is known by the source address, and sees the names of the networks it is on. What is not
//! ours is asked of the host's name servers, from the host's side; from a network without a way out nothing ever is.
//!
//! ```text
//!  container ──question──► Server (sockets) ──► Zone::respond ──► an answer, or silence
//!                                │                   └► Question ──► Forwarder ──► name servers
//! ```
//!
//! `message` reads questions and writes answers, `zone` knows names, `respond` decides; `exchange` is what is said to name
//! servers, `forward` what becomes of questions that wait for them, `resolv_conf` where they are. All of these are pure, and
//! total: whatever bytes come in, they end without a panic. `server` alone touches the world.

mod exchange;
mod forward;
pub(crate) mod message;
#[cfg(test)]
mod packet_text;
mod resolv_conf;
mod respond;
mod server;
#[cfg(all(test, any(bunker_fuzz, clippy)))]
mod strangers_fuzz;
mod zone;

pub use forward::{Action, Asker, Forwarder};
pub use message::{Question, Transport};
pub use resolv_conf::{Upstreams, parse_resolv_conf};
pub use respond::Verdict;
pub use server::{Dial, HostSide, Inside, Interest, Server};
pub use zone::{Attachment, Container, Zone};
