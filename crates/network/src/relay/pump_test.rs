use super::*;
use proptest::prelude::*;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// The two ends of a connection over loopback.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let one = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
    let (other, _) = listener.accept().expect("accepted");
    (one, other)
}

/// Two ends that are connected through a pump, which runs until all is over.
fn through_a_pump(use_pipes: bool) -> (TcpStream, TcpStream, thread::JoinHandle<()>) {
    let ((near, one), (other, far)) = (connection(), connection());
    for socket in [&one, &other] {
        socket.set_nonblocking(true).expect("not blocking");
    }
    let pumping = thread::spawn(move || {
        let mut pipes = Pipes::new(use_pipes);
        let mut pump = Pump::new(one.into(), other.into());
        while pump.turn(&mut pipes) != State::Over {
            // As if epoll had told everything, which calls refute.
            let all = Readiness { readable: true, writable: true, urgent: false, broken: false };
            pump.note(false, all);
            pump.note(true, all);
            thread::yield_now();
        }
        pump.close(&mut pipes);
    });
    (near, far, pumping)
}

fn exchange(near: TcpStream, far: TcpStream, said: [&[u8]; 2]) -> [Vec<u8>; 2] {
    let speak = |mut stream: &TcpStream, bytes: &[u8]| {
        stream.write_all(bytes).expect("written");
        stream.shutdown(Shutdown::Write).expect("ended");
    };
    let hear = |mut stream: &TcpStream| {
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).expect("read");
        heard
    };
    thread::scope(|scope| {
        scope.spawn(|| speak(&near, said[0]));
        scope.spawn(|| speak(&far, said[1]));
        let heard = scope.spawn(|| hear(&near));
        [hear(&far), heard.join().expect("heard")]
    })
}

#[test]
fn what_a_reset_side_sent_before_arrives_and_then_the_reset() {
    for use_pipes in [true, false] {
        let (mut near, mut far, pumping) = through_a_pump(use_pipes);
        near.write_all(b"last words").expect("written");
        let mut heard = [0; 10];
        far.read_exact(&mut heard).expect("heard");
        inet::reset_on_close(near.as_fd()).expect("linger");
        drop(near);
        assert_eq!(far.read(&mut heard).expect_err("a reset").kind(), ErrorKind::ConnectionReset);
        pumping.join().expect("over");
    }
}

#[test]
fn more_than_all_buffers_hold_waits_for_a_late_reader() {
    for use_pipes in [true, false] {
        let (near, mut far, pumping) = through_a_pump(use_pipes);
        let bytes: Vec<u8> = (0..12_000_000_u32).map(|index| (index >> 5).to_le_bytes()[0]).collect();
        let mut heard = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                (&near).write_all(&bytes).expect("written");
                near.shutdown(Shutdown::Write).expect("ended");
            });
            thread::sleep(std::time::Duration::from_millis(100));
            far.read_to_end(&mut heard).expect("read");
        });
        assert!(heard == bytes);
        drop((near, far));
        pumping.join().expect("over");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_byte_is_lost_or_changed(
        one in proptest::collection::vec(any::<u8>(), 0..200_000),
        other in proptest::collection::vec(any::<u8>(), 0..200_000),
        use_pipes in any::<bool>(),
    ) {
        let (near, far, pumping) = through_a_pump(use_pipes);
        let heard = exchange(near, far, [&one, &other]);
        prop_assert!(heard[0] == one && heard[1] == other);
        pumping.join().expect("over");
    }
}
