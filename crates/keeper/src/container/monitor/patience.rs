//! How long the keeper sleeps, and what happens when somebody's time is up.

use std::time::{Duration, Instant};

use super::super::bridge::Bridge;
use super::super::session::Session;
use super::{MAIN, Monitor};

/// After so long without anything to do the buffer is given back: most containers are silent most of the time.
const IDLE_MS: i32 = 1000;
const SIGKILL: i32 = 9;

impl Monitor {
    /// Milliseconds until somebody's patience ends, or the buffer is idle.
    pub(super) fn timeout(&self) -> i32 {
        let idle = (!self.buffer.is_empty()).then_some(IDLE_MS);
        let network = self.bridge().and_then(Bridge::patience);
        let patience =
            self.sessions.values().filter_map(Session::patience).chain(self.time_left()).chain(network).min();
        let patience = patience.map(|left| i32::try_from(left.as_millis()).unwrap_or(i32::MAX).saturating_add(1));
        idle.into_iter().chain(patience).min().unwrap_or(-1)
    }

    /// Until the container's time is up.
    fn time_left(&self) -> Option<Duration> {
        let deadline = self.container.as_ref()?.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// podman's --timeout: killed, once; its end is then observed as any other.
    fn end_overdue(&mut self) {
        if !self.time_left().is_some_and(|left| left.is_zero()) {
            return;
        }
        if let Some(container) = &mut self.container {
            container.deadline = None;
        }
        if let Ok(session) = self.running(MAIN) {
            // Already dead: then that is its end.
            let _ = session.signal(SIGKILL);
        }
    }

    /// Ends whatever has had its time.
    pub(super) fn give_up_waiting(&mut self) {
        self.end_overdue();
        if self.bridge().and_then(Bridge::patience).is_some_and(|left| left.is_zero()) {
            self.heal_network();
        }
        let overdue =
            |(key, session): (&u32, &Session)| session.patience().is_some_and(|left| left.is_zero()).then_some(*key);
        let overdue: Vec<u32> = self.sessions.iter().filter_map(overdue).collect();
        for key in overdue {
            self.observe_end(key);
        }
    }
}
