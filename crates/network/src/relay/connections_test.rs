use super::*;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

fn source(owner: u64, last: u8) -> Source {
    Source { owner: Owner(owner), address: Ipv4Addr::new(10, 0, 0, last).into() }
}

/// One more connection of this source's.
fn join(connections: &mut Connections, watch: &mut Watch, source: Source) {
    let socket = || OwnedFd::from(UnixStream::pair().expect("a pair").0);
    let (fresh, attempt) = (socket(), socket());
    watch.attempt(attempt.as_fd(), 0).expect("watched");
    connections.join(watch, (fresh, attempt), source);
}

#[test]
fn a_container_with_two_addresses_has_no_more_than_one_with_one() {
    let (mut connections, mut watch) = (Connections::new(8), Watch::new().expect("an epoll"));
    for turn in 0..8 {
        join(&mut connections, &mut watch, source(1, turn % 2));
    }
    assert_eq!(connections.len(), 6);
    for _ in 0..3 {
        join(&mut connections, &mut watch, source(2, 9));
    }
    assert_eq!(connections.len(), 8, "the rest is for others");
    connections.forget(source(1, 1).address);
    assert_eq!(connections.len(), 5, "one address is forgotten");
    for _ in 0..4 {
        join(&mut connections, &mut watch, source(1, 0));
    }
    assert_eq!(connections.len(), 8);
}
