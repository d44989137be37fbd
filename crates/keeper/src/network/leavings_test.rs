use super::{GATHERING, Leavings, PATIENCE};
use bunker_network::nft::Port;
use std::time::{Duration, Instant};

const MOMENT: Duration = Duration::from_millis(1);

fn port(link: u32) -> Port {
    Port { link, mac: [2, 0, 0, 0, 0, 1], addresses: Vec::new() }
}

#[test]
fn what_several_leave_goes_together_and_links_that_stay_are_told_later() {
    let mut leavings = Leavings::default();
    assert!(leavings.deadline().is_none());
    leavings.gather(None, vec![port(3)]);
    leavings.gather(None, vec![port(4), port(5)]);
    assert_eq!(leavings.take_ports().len(), 3);
    assert!(leavings.take_ports().is_empty());
    let begun = Instant::now();
    assert_eq!(leavings.take_due(begun), None);
    let gone = begun + GATHERING + MOMENT;
    assert_eq!(leavings.take_due(gone), Some(vec![]));
    assert_eq!(leavings.take_due(gone + PATIENCE - MOMENT), None);
    assert_eq!(leavings.take_due(gone + PATIENCE), Some(vec![3, 4, 5]));
    assert!(leavings.deadline().is_none());
}
