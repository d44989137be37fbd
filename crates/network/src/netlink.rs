//! Asking the kernel over netlink: messages and their attributes, and a socket that sends them and hears what came of it.
//! `link` and `route` say what a network is made of in these terms.

mod link;
mod message;
mod route;

pub use link::{Bridge, Mac, Veth};
pub use message::{Attributes, Message, Reply};
pub use route::{Route, RouteKind, Rule};

use bunker_sys::netlink::{self, ROUTE};
use bunker_sys::{SysError, SysResult};
use message::{NLMSG_DONE, NLMSG_ERROR};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// No answer is larger: the kernel fills at most this much at a time when it lists.
const ANSWER_LIMIT: usize = 64 * 1024;

/// A netlink socket of one network namespace.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Links, addresses, routes and rules of the network namespace this thread is in.
    ///
    /// # Errors
    /// Of socket(2).
    pub fn route() -> SysResult<Self> {
        Self::new(ROUTE)
    }

    /// nftables of the network namespace this thread is in.
    ///
    /// # Errors
    /// Of socket(2); `EPROTONOSUPPORT` where the kernel has none.
    pub fn filter() -> SysResult<Self> {
        Self::new(netlink::NETFILTER)
    }

    fn new(protocol: i32) -> SysResult<Self> {
        Ok(Self { socket: netlink::open(protocol)?, sequence: 0 })
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends one message and takes the kernel's answer to it.
    ///
    /// # Errors
    /// The kernel's, with `call` as its name and the kernel's own words where it has some.
    pub fn request(&mut self, call: &str, message: &Message) -> SysResult<Vec<Reply>> {
        self.exchange(call, std::slice::from_ref(message))
    }

    /// Sends messages at once. All that is said about them has been said when the call returns: the kernel works on them meanwhile.
    ///
    /// # Errors
    /// The first the kernel tells of.
    pub fn exchange(&mut self, call: &str, messages: &[Message]) -> SysResult<Vec<Reply>> {
        let mut bytes = Vec::new();
        for message in messages {
            self.sequence = self.sequence.wrapping_add(1);
            message.write(self.sequence, &mut bytes);
        }
        netlink::send(self.as_fd(), &bytes)?;
        let mut replies = Vec::new();
        let mut failure = None;
        let mut buffer = vec![0; ANSWER_LIMIT];
        while let Some(length) = netlink::receive(self.as_fd(), &mut buffer)? {
            for reply in Reply::all(buffer.get(..length).unwrap_or_default()) {
                match reply.kind {
                    NLMSG_ERROR => failure = failure.or_else(|| reply.failure(call)),
                    NLMSG_DONE => {}
                    _ => replies.push(reply),
                }
            }
        }
        failure.map_or(Ok(replies), Err)
    }
}

/// Whether an error says that what was to be made is there.
#[must_use]
pub fn is_there(error: &SysError) -> bool {
    error.errno == EEXIST
}

const EEXIST: i32 = 17;

#[cfg(test)]
#[path = "netlink/netlink_test.rs"]
mod tests;
