//! What is left of containers that are on no network any more. The kernel takes many network namespaces down in the time of one, and
//! while it does, no other comes to be and no link comes up: so those of many are let go together, when nobody waits for it.

use bunker_network::nft::Port;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// From the first that ended to when all are let go.
const GATHERING: Duration = Duration::from_millis(500);
/// After that, a link that is still there is held by somebody who shares the container's network namespace.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub struct Leavings {
    /// The rules know them yet.
    ports: Vec<Port>,
    gathered: Option<Gathered>,
    /// Those that should go by themselves until then.
    links: Vec<(Instant, Vec<u32>)>,
}

/// Of several containers.
struct Gathered {
    due: Instant,
    namespaces: Vec<OwnedFd>,
    links: Vec<u32>,
}

impl Leavings {
    /// What a container leaves: its network namespace, should it end with it, and what it had of bridges there.
    pub fn gather(&mut self, namespace: Option<OwnedFd>, ports: Vec<Port>) {
        let due = Instant::now() + GATHERING;
        let gathered = self.gathered.get_or_insert_with(|| Gathered { due, namespaces: Vec::new(), links: Vec::new() });
        gathered.namespaces.extend(namespace);
        gathered.links.extend(ports.iter().map(|port| port.link));
        self.ports.extend(ports);
    }

    /// To be taken out of the rules.
    pub fn take_ports(&mut self) -> Vec<Port> {
        std::mem::take(&mut self.ports)
    }

    /// Lets go what has been gathered long enough, and tells which links did not go with it. `None`: nothing is due.
    pub fn take_due(&mut self, now: Instant) -> Option<Vec<u32>> {
        if self.deadline().is_none_or(|due| due > now) {
            return None;
        }
        if let Some(Gathered { links, .. }) = self.gathered.take_if(|gathered| gathered.due <= now) {
            self.links.push((now + PATIENCE, links));
        }
        Some(self.links.extract_if(.., |(due, _)| *due <= now).flat_map(|(_, links)| links).collect())
    }

    /// When something is due next.
    pub fn deadline(&self) -> Option<Instant> {
        let gathered = self.gathered.as_ref().map(|gathered| gathered.due);
        gathered.into_iter().chain(self.links.iter().map(|(due, _)| *due)).min()
    }
}

#[cfg(test)]
#[path = "leavings_test.rs"]
mod tests;
