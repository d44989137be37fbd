use super::*;

fn all(waiting: &mut Waiting) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| waiting.pop()).map(Vec::from).collect()
}

#[test]
fn everybody_has_a_turn_and_ones_own_come_in_order() {
    let mut waiting = Waiting::default();
    for (owner, byte) in [(1, 1), (1, 2), (1, 3), (2, 4), (3, 5), (2, 6)] {
        waiting.push(Owner(owner), &[byte]);
    }
    assert_eq!(all(&mut waiting).concat(), [1, 4, 5, 2, 6, 3]);
    assert!(waiting.is_empty() && waiting.turns.is_empty());
}

#[test]
fn a_line_that_is_too_long_is_nobody_elses_loss() {
    let mut waiting = Waiting::default();
    let room = MOST / (1500 + OVERHEAD);
    for _ in 0..room * 2 {
        waiting.push(Owner(1), &[1; 1500]);
    }
    for _ in 0..5 {
        waiting.push(Owner(2), &[2; 1500]);
    }
    let order = all(&mut waiting);
    assert!(order.len() <= room, "{}", order.len());
    let others = order.iter().enumerate().filter(|(_, packet)| packet[0] == 2).map(|(at, _)| at);
    assert_eq!(others.collect::<Vec<_>>(), [1, 3, 5, 7, 9]);
}

#[test]
fn who_is_forgotten_waits_for_nothing() {
    let mut waiting = Waiting::default();
    let packet = |last: u8| [&[0x45; 12][..], &[10, 0, 0, last], &[0; 4]].concat();
    for (owner, last) in [(1, 1), (1, 2), (2, 3), (1, 1)] {
        waiting.push(Owner(owner), &packet(last));
    }
    waiting.forget(IpAddr::from([10, 0, 0, 1]));
    waiting.forget(IpAddr::from([10, 0, 0, 3]));
    assert_eq!(waiting.lines[&Owner(1)].cost, cost(&packet(2)));
    assert_eq!(all(&mut waiting), [packet(2)]);
    assert!(waiting.is_empty());
}
