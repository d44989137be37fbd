//! TCP out: bytes, ends, refusals, silence, policy, crowds.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Case;
use super::world::{INTERNAL, OPEN, OUTSIDE, STRANGER, WITH_HOST, World, ip};
use bunker_sys::inet::{self, Kind};
use std::os::fd::AsFd;

pub const CASES: &[Case] = &[
    ("bytes_and_ends_arrive_both_ways", bytes_and_ends_arrive_both_ways),
    ("large_transfers_go_both_ways_at_once", large_transfers_go_both_ways_at_once),
    ("a_reset_arrives_as_a_reset", a_reset_arrives_as_a_reset),
    ("a_refusal_looks_like_one", a_refusal_looks_like_one),
    ("silence_stays_silence", silence_stays_silence),
    ("policy_denies", policy_denies),
    ("the_host_is_reached_where_that_is_allowed", the_host_is_reached_where_that_is_allowed),
    ("who_is_forgotten_loses_all", who_is_forgotten_loses_all),
];

/// Long enough for a busy machine, short enough to notice.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn listen(world: &World, address: &str) -> (TcpListener, SocketAddr) {
    let listener = world.outside.run(|| TcpListener::bind((ip(address), 0)).expect("a listener"));
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Connects from one address of the container, or says why not.
pub fn connect_from(world: &World, from: &str, to: SocketAddr, patience: Duration) -> Result<TcpStream, i32> {
    world.container.run(|| {
        let socket = inet::socket(Kind::Tcp, to.ip()).expect("a socket");
        inet::bind(socket.as_fd(), SocketAddr::new(ip(from), 0)).expect("bound");
        let is_done = inet::connect(socket.as_fd(), to).map_err(|error| error.errno)?;
        let deadline = Instant::now() + patience;
        while !is_done && Instant::now() < deadline {
            let mut watch = [bunker_sys::poll::Watch::new(socket.as_fd(), false, true)];
            bunker_sys::poll::wait(&mut watch, 50).expect("poll");
            if watch[0].has_event() {
                return match inet::take_error(socket.as_fd()) {
                    0 => {
                        let stream = TcpStream::from(socket);
                        stream.set_nonblocking(false).expect("blocking");
                        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                        Ok(stream)
                    }
                    errno => Err(errno),
                };
            }
        }
        Err(0)
    })
}

fn connect(world: &World, to: SocketAddr) -> TcpStream {
    let from = OPEN[usize::from(to.is_ipv6())];
    connect_from(world, from, to, PATIENCE).expect("connected")
}

fn pair(world: &World, address: &str) -> (TcpStream, TcpStream) {
    let (listener, to) = listen(world, address);
    let inside = connect(world, to);
    let (outside, _) = listener.accept().expect("accepted");
    outside.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    (inside, outside)
}

fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("read");
    bytes
}

fn bytes_and_ends_arrive_both_ways(world: &World) {
    for address in OUTSIDE {
        for inside_ends_first in [true, false] {
            let (inside, outside) = pair(world, address);
            assert_eq!(inside.peer_addr().expect("peer"), outside.local_addr().expect("local"));
            let (mut first, mut second) = if inside_ends_first { (inside, outside) } else { (outside, inside) };
            first.write_all(b"question").expect("written");
            first.shutdown(Shutdown::Write).expect("half closed");
            assert_eq!(read_all(&mut second), b"question");
            second.write_all(b"ans").expect("written");
            thread::sleep(Duration::from_millis(10));
            second.write_all(b"wer").expect("written");
            drop(second);
            assert_eq!(read_all(&mut first), b"answer");
        }
    }
}

fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(31) >> 3) as u8 ^ seed).collect()
}

/// Writes all, ends, and reads all of the other side meanwhile.
fn exchange(stream: TcpStream, bytes: Vec<u8>, pause: Duration) -> JoinHandle<Vec<u8>> {
    let mut writer = stream.try_clone().expect("a second descriptor");
    let mut reader = stream;
    thread::spawn(move || {
        let writing = thread::spawn(move || {
            writer.write_all(&bytes).expect("written");
            writer.shutdown(Shutdown::Write).expect("half closed");
        });
        thread::sleep(pause);
        let read = read_all(&mut reader);
        writing.join().expect("written");
        read
    })
}

fn large_transfers_go_both_ways_at_once(world: &World) {
    const LENGTH: usize = 24 << 20;
    for (address, pause) in OUTSIDE.into_iter().zip([0, 200]) {
        let (inside, outside) = pair(world, address);
        let (up, down) = (pattern(LENGTH, 1), pattern(LENGTH + 12_345, 2));
        // A reader that is late must not lose anything either.
        let inside = exchange(inside, up.clone(), Duration::from_millis(pause));
        let outside = exchange(outside, down.clone(), Duration::from_millis(pause / 2));
        assert!(outside.join().expect("outside") == up, "up");
        assert!(inside.join().expect("inside") == down, "down");
    }
}

fn a_reset_arrives_as_a_reset(world: &World) {
    for address in OUTSIDE {
        for inside_resets in [true, false] {
            let (inside, outside) = pair(world, address);
            let (mut first, mut second) = if inside_resets { (inside, outside) } else { (outside, inside) };
            first.write_all(b"last words").expect("written");
            let mut heard = [0; 10];
            second.read_exact(&mut heard).expect("heard");
            inet::reset_on_close(first.as_fd()).expect("linger");
            drop(first);
            let error = second.read(&mut heard).expect_err("a reset");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    }
}

fn a_refusal_looks_like_one(world: &World) {
    const ECONNREFUSED: i32 = 111;
    const EHOSTUNREACH: i32 = 113;
    const EACCES: i32 = 13;
    for (address, from) in OUTSIDE.into_iter().zip(OPEN) {
        let (listener, closed) = listen(world, address);
        drop(listener);
        let prohibited = if closed.is_ipv6() { EACCES } else { EHOSTUNREACH };
        let (unreachable_host, prohibited_host) =
            if closed.is_ipv6() { ("2001:db8:1::1", "2001:db8:1::2") } else { ("203.0.113.1", "203.0.113.2") };
        let cases = [
            (closed, ECONNREFUSED),
            (SocketAddr::new(ip(address), 10), ECONNREFUSED),
            (SocketAddr::new(ip(address), 11), EHOSTUNREACH),
            (SocketAddr::new(ip(unreachable_host), 80), EHOSTUNREACH),
            (SocketAddr::new(ip(prohibited_host), 80), prohibited),
        ];
        for (to, errno) in cases {
            assert_eq!(connect_from(world, from, to, PATIENCE).err(), Some(errno), "{to}");
        }
    }
}

fn silence_stays_silence(world: &World) {
    for (address, from) in OUTSIDE.into_iter().zip(OPEN) {
        let to = SocketAddr::new(ip(address), 9);
        assert_eq!(connect_from(world, from, to, Duration::from_millis(300)).err(), Some(0), "{to}");
    }
}

fn policy_denies(world: &World) {
    const ENETUNREACH: i32 = 101;
    const EHOSTUNREACH: i32 = 113;
    const EACCES: i32 = 13;
    let (_listener, open) = listen(world, "0.0.0.0");
    let short = Duration::from_millis(300);
    for from in [OPEN[0], WITH_HOST[0]] {
        for to in ["169.254.169.254", "169.254.1.1", "10.90.0.2"] {
            let to = SocketAddr::new(ip(to), open.port());
            assert_eq!(connect_from(world, from, to, PATIENCE).err(), Some(EHOSTUNREACH), "{from} to {to}");
        }
        for to in ["fd00:90::2", "::ffff:10.100.0.2", "64:ff9b::7f00:1"].iter().take(1) {
            let (from, to) = (OPEN[1], SocketAddr::new(ip(to), open.port()));
            assert_eq!(connect_from(world, from, to, PATIENCE).err(), Some(EACCES), "{from} to {to}");
        }
    }
    let far = |index: usize| SocketAddr::new(ip(OUTSIDE[index]), 7);
    for index in [0, 1] {
        assert_eq!(connect_from(world, INTERNAL[index], far(index), PATIENCE).err(), Some(ENETUNREACH));
        assert_eq!(connect_from(world, STRANGER[index], far(index), short).err(), Some(0));
    }
    let host = SocketAddr::new(ip("169.254.1.2"), 7);
    assert_eq!(connect_from(world, OPEN[0], host, PATIENCE).err(), Some(EHOSTUNREACH));
}

fn the_host_is_reached_where_that_is_allowed(world: &World) {
    for (index, (special, loopback)) in [("169.254.1.2", "127.0.0.1"), ("fd00:6275:6e6b::2", "::1")].iter().enumerate()
    {
        let listener = world.host.run(|| TcpListener::bind((ip(loopback), 0)).expect("a listener"));
        let to = SocketAddr::new(ip(special), listener.local_addr().expect("an address").port());
        let mut inside = connect_from(world, WITH_HOST[index], to, PATIENCE).expect("connected");
        let (mut outside, peer) = listener.accept().expect("accepted");
        assert_eq!(peer.ip(), ip(loopback));
        outside.write_all(b"host").expect("written");
        drop(outside);
        assert_eq!(read_all(&mut inside), b"host");
    }
}

/// Waits until it holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn who_is_forgotten_loses_all(world: &World) {
    let (mut inside, mut outside) = pair(world, OUTSIDE[0]);
    world.relay.forget(ip(OPEN[0]));
    let mut byte = [0];
    for stream in [&mut inside, &mut outside] {
        assert_eq!(stream.read(&mut byte).expect_err("a reset").kind(), ErrorKind::ConnectionReset);
    }
    world.allow();
    drop(pair(world, OUTSIDE[0]));
}

/// Both sides of what was under way learn that it is over, and nothing leads outside any more.
pub fn all_ends_with_the_relay(world: World) {
    let (mut inside, mut outside) = pair(&world, OUTSIDE[0]);
    let (_listener, to) = listen(&world, OUTSIDE[0]);
    let (container, _others) = world.stop();
    let mut byte = [0];
    assert!(matches!(inside.read(&mut byte), Ok(0)) && matches!(outside.read(&mut byte), Ok(0)));
    let error = container.run(|| TcpStream::connect_timeout(&to, PATIENCE)).expect_err("no way out");
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
}
