//! Datagrams to one place, as fast as they can be sent, and what is answered.

use std::io::{self, BufRead};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{hex, places};

/// Answers that are told; the others are counted.
const MOST: usize = 64;
const LONGEST: usize = 65_536;

/// Sends what stands on standard input, a datagram a line, and listens until all are answered or so many milliseconds have brought
/// nothing.
pub fn send(target: &str, milliseconds: u64) -> Value {
    places::parse(target).and_then(|target| exchange(target, milliseconds).ok()).unwrap_or_default()
}

fn exchange(target: SocketAddr, milliseconds: u64) -> io::Result<Value> {
    let own: SocketAddr = if target.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(own)?;
    socket.connect(target)?;
    let (mut sent, mut answered, mut told) = (0_u64, 0_u64, Vec::new());
    let mut buffer = vec![0; LONGEST];
    let mut take = |socket: &UdpSocket| {
        let Ok(length) = socket.recv(&mut buffer) else { return false };
        answered += 1;
        if told.len() < MOST {
            told.push(hex::write(buffer.get(..length).unwrap_or_default()));
        }
        true
    };
    socket.set_nonblocking(true)?;
    for line in io::stdin().lock().lines() {
        let Some(bytes) = hex::read(&line?) else { return Ok(Value::Null) };
        // What a full queue does not take is lost, as on any link.
        sent += u64::from(socket.send(&bytes).is_ok());
        while take(&socket) {}
    }
    socket.set_nonblocking(false)?;
    let patience = Duration::from_millis(milliseconds);
    let mut heard = Instant::now();
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    while heard.elapsed() < patience {
        if take(&socket) {
            heard = Instant::now();
        }
    }
    Ok(json!({ "sent": sent, "answered": answered, "answers": told }))
}
