//! What the owner's loop is to watch: all of it, for a loop that polls, or what has changed, for one that lets the kernel
//! remember.

use std::collections::HashMap;
use std::os::fd::BorrowedFd;

use super::Server;

/// A descriptor to watch, for as long as it is readable or writable, and for its end. `token` is its name here, and nobody
/// else's, ever; the descriptor's number may be another's at once.
#[derive(Clone, Copy, Debug)]
pub struct Interest<'a> {
    pub token: u64,
    pub fd: BorrowedFd<'a>,
    pub is_readable_wanted: bool,
    pub is_writable_wanted: bool,
}

impl<'a> Interest<'a> {
    pub(super) fn new(token: u64, fd: BorrowedFd<'a>, (is_readable_wanted, is_writable_wanted): (bool, bool)) -> Self {
        Self { token, fd, is_readable_wanted, is_writable_wanted }
    }

    pub(super) fn wanted(&self) -> (bool, bool) {
        (self.is_readable_wanted, self.is_writable_wanted)
    }
}

/// What may have changed since it was last asked for. Kept only once somebody has asked: for a loop that polls it would grow for
/// as long as the server lives.
#[derive(Default)]
pub(super) struct Touched(Option<Vec<u64>>);

impl Touched {
    pub(super) fn push(&mut self, token: u64) {
        self.extend([token]);
    }

    pub(super) fn extend(&mut self, tokens: impl IntoIterator<Item = u64>) {
        if let Some(kept) = &mut self.0 {
            kept.extend(tokens);
        }
    }

    /// `None`: nobody had asked before, and anything may have changed.
    pub(super) fn take(&mut self) -> Option<Vec<u64>> {
        self.0.replace(Vec::new())
    }

    #[cfg(test)]
    pub(super) fn is_kept(&self) -> bool {
        self.0.is_some()
    }
}

/// What a kernel that remembers has been told: to be brought up to date after each call of the server.
#[derive(Default)]
pub struct Watched {
    told: HashMap<u64, (bool, bool)>,
}

impl Watched {
    /// Tells what is new (`true`) and what is to be watched for something else (`false`). What is closed needs no telling.
    pub fn update(&mut self, server: &mut Server, tell: &mut dyn FnMut(&Interest<'_>, bool)) {
        for token in server.take_touched() {
            let Some(interest) = server.interest(token) else {
                self.told.remove(&token);
                continue;
            };
            let before = self.told.insert(token, interest.wanted());
            if before != Some(interest.wanted()) {
                tell(&interest, before.is_none());
            }
        }
    }
}
