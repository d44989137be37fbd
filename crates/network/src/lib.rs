//! The user's network, of which the network keeper is made. One network namespace N per user and data home, owned by U:
//!
//! ```text
//!        host's network namespace          │ N: the user's network namespace
//!                                          │
//!  destinations ◄── connect ── outward ◄───┼─ tun0 ◄── (first SYN, UDP, ICMP) ─┐
//!                                  ▲       │                                  ├─ bridge ─ veth ─ container
//!                                  └───────┼─ TPROXY listener ◄─ (TCP) ───────┘     │
//!  clients ──► published port ─ inward ────┼─► connect from the client's address ───┘
//! ```
//!
//! `netlink` makes links, addresses, routes and rules; `nft` the rules that steer and isolate; `namespace` joins them to N;
//! `relay` carries traffic in and out; `dns` answers names. Nothing here reads configuration or the environment.

pub mod dns;
pub mod namespace;
pub mod netlink;
pub mod nft;
pub mod relay;

#[cfg(all(test, any(bunker_fuzz, clippy)))]
#[path = "../../runtime/src/fuzz.rs"]
mod fuzz;
