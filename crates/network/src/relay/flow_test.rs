use super::*;
use proptest::prelude::*;
use std::net::Ipv4Addr;
use std::time::Duration;

/// A container with one address.
fn source(last: u8) -> Source {
    at(last, last)
}

fn at(owner: u8, last: u8) -> Source {
    Source { owner: Owner(owner.into()), address: Ipv4Addr::new(10, 0, 0, last).into() }
}

fn table(per_owner: usize, in_all: usize) -> Table<u32, u32> {
    Table::new(Bounds { per_owner, in_all })
}

#[test]
fn the_oldest_of_a_container_makes_room() {
    let (now, mut table) = (Instant::now(), table(3, 100));
    let later = now + Duration::from_secs(1);
    for key in 0..3 {
        assert!(table.insert(key, key, (source(1), later)).is_empty());
    }
    assert!(table.insert(9, 9, (source(2), later)).is_empty());
    assert_eq!(table.insert(3, 3, (source(1), later)), [0]);
    table.extend(&1, later);
    assert_eq!(table.insert(4, 4, (source(1), later)), [1], "more time makes nobody younger");
    table.refresh(&2, later);
    assert_eq!(table.insert(5, 5, (source(1), later)), [3], "use does");
    assert_eq!(table.insert(5, 6, (source(1), later)), [5], "the same key once more");
    assert_eq!(table.len(), 4);
}

#[test]
fn when_all_is_full_the_greediest_makes_room() {
    let (now, mut table) = (Instant::now(), table(10, 5));
    for key in 0..4 {
        table.insert(key, key, (source(1), now));
    }
    table.insert(10, 10, (source(2), now));
    assert_eq!(table.insert(11, 11, (source(2), now)), [0]);
    assert_eq!(table.insert(20, 20, (source(3), now)), [1]);
}

#[test]
fn addresses_are_no_containers() {
    let (now, mut table) = (Instant::now(), table(6, 8));
    for key in 0..6 {
        assert!(table.insert(key, key, (at(1, u8::from(key > 3)), now)).is_empty());
    }
    assert_eq!(table.insert(6, 6, (at(1, 9), now)), [0], "a third address gives it no more, and the first had most");
    assert!(table.insert(10, 10, (at(2, 20), now)).is_empty());
    assert!(table.insert(11, 11, (at(3, 30), now)).is_empty());
    assert_eq!(table.insert(12, 12, (at(2, 21), now)), [1], "who has most has it with all addresses together");
    assert_eq!(table.insert(7, 7, (at(1, 8), now)), [2]);
    for (key, gone) in [(8, 4), (9, 3), (13, 5), (14, 6)] {
        assert_eq!(table.insert(key, key, (at(1, 100 + u8::try_from(key).expect("small")), now)), [gone], "{key}");
    }
}

#[test]
fn time_and_owners_take_away() {
    let (now, mut table) = (Instant::now(), table(10, 10));
    let at = |seconds| now + Duration::from_secs(seconds);
    table.insert(1, 1, (source(1), at(5)));
    table.insert(2, 2, (source(1), at(10)));
    table.insert(3, 3, (source(2), at(10)));
    assert!(table.expire(at(4)).is_empty());
    assert_eq!(table.expire(at(5)), [1]);
    table.extend(&2, at(20));
    assert_eq!(table.expire(at(10)), [3]);
    assert_eq!(table.forget(source(1).address), [2]);
    assert!(table.is_empty() && table.shares.is_empty());
}

proptest! {
    #[test]
    fn bounds_hold_and_nothing_is_lost(steps in proptest::collection::vec((0_u8..4, 0_u32..40, 0_u8..8), 0..300)) {
        let (now, mut table) = (Instant::now(), table(5, 12));
        let mut live = std::collections::HashSet::new();
        for (value, (what, key, owner)) in (0_u32..).zip(steps) {
            match what {
                0 | 1 => {
                    let gone = table.insert(key, value, (at(owner / 2, owner), now));
                    prop_assert!(gone.iter().all(|gone| live.remove(gone)));
                    live.insert(value);
                }
                2 => prop_assert!(table.remove(&key).is_none_or(|gone| live.remove(&gone))),
                _ => table.refresh(&key, now),
            }
            prop_assert!(table.len() <= 12);
            prop_assert!(table.shares.values().all(|share| (1..=5).contains(&share.count)));
            let kept = |share: &Share<u32>| share.order.values().map(BTreeMap::len).sum::<usize>();
            prop_assert!(table.shares.values().all(|share| share.count == kept(share)));
            prop_assert_eq!(table.shares.values().map(kept).sum::<usize>(), table.len());
            prop_assert_eq!(live.len(), table.len());
        }
    }
}
