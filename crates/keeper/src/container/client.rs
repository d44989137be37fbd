//! One connection to the keeper: requests come in, replies and events go out, none of it ever makes the keeper wait.

use std::os::fd::{AsFd, OwnedFd};

use bunker_sys::poll::Watch;
use bunker_sys::socket::{self, Arrival, Inbox};

/// A connected command.
pub struct Client {
    pub id: u64,
    channel: OwnedFd,
    inbox: Inbox,
    /// The process whose streams it has, and whose end it waits for.
    pub session: Option<u32>,
    /// Waits for the container's end without its streams.
    pub waits: bool,
    /// Reads no more, or has gone: to be forgotten.
    pub is_gone: bool,
}

impl Client {
    pub fn new(id: u64, channel: OwnedFd) -> Self {
        Self { id, channel, inbox: Inbox::default(), session: None, waits: false, is_gone: false }
    }

    pub fn watch(&self) -> Watch {
        Watch::new(self.channel.as_fd(), true, false)
    }

    /// The next whole request with its descriptors; `None` when there is none yet, or none any more.
    pub fn receive(&mut self) -> Option<(Vec<u8>, Vec<OwnedFd>)> {
        match self.inbox.receive(self.channel.as_fd()) {
            Ok(Arrival::Frame { body, fds }) => Some((body, fds)),
            Ok(Arrival::Later) => None,
            Ok(Arrival::Ended) | Err(_) => {
                self.is_gone = true;
                None
            }
        }
    }

    pub fn send(&mut self, text: &str) {
        if !socket::send_frame(self.channel.as_fd(), text) {
            self.is_gone = true;
        }
    }
}
