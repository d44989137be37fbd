//! The container's connection to the network keeper, as far as the loop has to do with it.

use bunker_runtime::{Failure, FailureCode};

use super::super::bridge::Bridge;
use super::{Monitor, Phase};

impl Monitor {
    pub(super) fn bridge(&self) -> Option<&Bridge> {
        self.container.as_ref().and_then(|container| container.bridge.as_ref()).filter(|_| self.phase != Phase::Over)
    }

    /// Changes what the container is on, or is called there, and writes it down for whoever keeps it after us.
    pub(super) fn change_networks(
        &mut self,
        change: impl FnOnce(&mut Bridge) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        change(self.networked()?)?;
        let Some(container) = &mut self.container else { return Ok(()) };
        container.state.network = container.bridge.as_ref().map(|bridge| bridge.container().clone());
        container.state.write(&container.spec.runtime_dir)
    }

    fn networked(&mut self) -> Result<&mut Bridge, Failure> {
        let bridge = self.container.as_mut().and_then(|container| container.bridge.as_mut());
        bridge.ok_or_else(|| Failure::new(FailureCode::BadRequest, "the container is on no network of the user's own"))
    }

    pub(super) fn heal_network(&mut self) {
        if let Ok(bridge) = self.networked() {
            bridge.heal();
        }
    }
}
