//! Many at once, and one who wants all there is: others are served meanwhile.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::Case;
use super::tcp::{PATIENCE, connect_from, eventually, listen};
use super::world::{OPEN, OUTSIDE, Place, WITH_HOST, World, ip};
use bunker_sys::inet::{self, Kind};

pub const CASES: &[Case] = &[
    ("two_thousand_connections_at_once", two_thousand_connections_at_once),
    ("a_flood_to_nowhere_is_bounded", a_flood_to_nowhere_is_bounded),
    ("a_flood_delays_nobody_else", a_flood_delays_nobody_else),
    ("who_leaves_answers_unanswered_takes_nobodys_place", who_leaves_answers_unanswered_takes_nobodys_place),
];

fn two_thousand_connections_at_once(world: &World) {
    const COUNT: usize = 2000;
    let (listener, to) = listen(world, OUTSIDE[0]);
    inet::listen(listener.as_fd(), 4096).expect("a longer queue");
    let serving = thread::spawn(move || {
        let mut all = Vec::new();
        while all.len() < COUNT {
            let (mut stream, _) = listener.accept().expect("accepted");
            stream.write_all(b"x").expect("written");
            all.push(stream);
        }
        all
    });
    let clients: Vec<TcpStream> = world.container.run(|| {
        let clients: Vec<TcpStream> = (0..COUNT).map(|_| begin(to).into()).collect();
        for client in &clients {
            let mut watch = [bunker_sys::poll::Watch::new(client.as_fd(), true, false)];
            bunker_sys::poll::wait(&mut watch, 20_000).expect("poll");
            let mut byte = [0];
            assert_eq!(inet::receive(client.as_fd(), &mut byte), inet::Moved::Bytes(1));
        }
        clients
    });
    assert_eq!(serving.join().expect("served").len(), COUNT);
    assert_eq!(clients.len(), COUNT);
    drop(clients);
    eventually("all are over", || world.relay.statistics().outward == 0);
}

fn a_flood_to_nowhere_is_bounded(world: &World) {
    const MOST_PENDING: usize = 1024;
    let sockets: Vec<_> = world.container.run(|| {
        let to = OUTSIDE.map(|address| SocketAddr::new(ip(address), 9));
        (0..3000).map(|turn| begin(to[turn % 2])).collect()
    });
    eventually("as many as are allowed", || world.relay.statistics().attempts >= MOST_PENDING);
    thread::sleep(Duration::from_millis(50));
    // Somebody else, and the same container, still get through.
    for (from, address) in [(WITH_HOST[0], OUTSIDE[0]), (OPEN[0], OUTSIDE[0]), (OPEN[1], OUTSIDE[1])] {
        let (_listener, to) = listen(world, address);
        assert!(connect_from(world, from, to, PATIENCE).is_ok(), "from {from}");
    }
    // Other sources have a few of their own.
    assert!(world.relay.statistics().attempts <= MOST_PENDING + 5);
    drop(sockets);
    OPEN.iter().for_each(|address| world.relay.forget(ip(address)));
    world.allow();
    eventually("none are left", || world.relay.statistics().attempts <= 5);
}

/// Begins to connect, and leaves it at that.
fn begin(to: SocketAddr) -> OwnedFd {
    let socket = inet::socket(Kind::Tcp, to.ip()).expect("a socket");
    inet::connect(socket.as_fd(), to).expect("begun");
    socket
}

/// Both ends of a connection of the neighbour's.
fn visit_neighbour(world: &World, (listener, to): &(TcpListener, SocketAddr)) {
    let mut inside = world.neighbour.run(|| TcpStream::connect_timeout(to, PATIENCE)).expect("connected");
    let (mut outside, _) = listener.accept().expect("accepted");
    outside.write_all(b"x").expect("written");
    inside.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    inside.read_exact(&mut [0]).expect("heard");
}

/// SYNs that were sent again there: the first had been lost, or nobody acted on it for a second.
fn repeated(place: &Place) -> u64 {
    let table = place.run(|| fs::read_to_string("/proc/thread-self/net/netstat").expect("counters"));
    let mut lines = table.lines().map(|line| line.split_whitespace());
    let (names, values) = (lines.next().expect("names"), lines.next().expect("values"));
    let mut pairs = names.zip(values);
    pairs.find(|(name, _)| *name == "TCPSynRetrans").expect("the counter").1.parse().expect("a number")
}

fn a_flood_delays_nobody_else(world: &World) {
    const VISITS: u64 = 60;
    let is_over = AtomicBool::new(false);
    let listening = listen(world, OUTSIDE[0]);
    let before = repeated(&world.neighbour);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                world.container.run(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        drop(begin(SocketAddr::new(ip(OUTSIDE[0]), 9)));
                    }
                });
            });
        }
        // The queues fill.
        thread::sleep(Duration::from_millis(500));
        (0..VISITS).for_each(|_| visit_neighbour(world, &listening));
        is_over.store(true, Ordering::Relaxed);
    });
    // A busy machine may lose a few.
    let lost = repeated(&world.neighbour) - before;
    assert!(lost <= VISITS / 10, "{lost} of {VISITS}");
    world.relay.forget(ip(OPEN[0]));
    world.allow();
}

/// Connections that N has answered and that were not answered.
fn half_open(world: &World) -> usize {
    const SYN_RECEIVED: &str = "03";
    let table = world.inner.run(|| fs::read_to_string("/proc/thread-self/net/tcp").expect("sockets"));
    table.lines().filter(|line| line.split_whitespace().nth(3) == Some(SYN_RECEIVED)).count()
}

fn who_leaves_answers_unanswered_takes_nobodys_place(world: &World) {
    const ASKED: usize = 7000;
    const MOST: usize = 2048;
    let (listener, to) = listen(world, OUTSIDE[0]);
    inet::listen(listener.as_fd(), 4096).expect("a longer queue");
    world.container.shell(&format!(
        "nft 'add table ip deaf; add chain ip deaf input {{ type filter hook input priority 0; }}
         add rule ip deaf input tcp sport {} drop'",
        to.port()
    ));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            listener.set_nonblocking(true).expect("not blocking");
            while !is_over.load(Ordering::Relaxed) {
                drop(listener.accept());
            }
        });
        let sockets: Vec<_> = world.container.run(|| (0..ASKED).map(|_| begin(to)).collect());
        eventually("as many as may be", || half_open(world) >= MOST / 2);
        thread::sleep(Duration::from_millis(300));
        assert!(half_open(world) <= MOST, "{}", half_open(world));
        let listening = listen(world, OUTSIDE[0]);
        (0..5).for_each(|_| visit_neighbour(world, &listening));
        drop(sockets);
        is_over.store(true, Ordering::Relaxed);
    });
    world.container.shell("nft delete table ip deaf");
    world.relay.forget(ip(OPEN[0]));
    world.allow();
}
