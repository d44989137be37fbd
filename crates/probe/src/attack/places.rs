//! Who can be reached: each place is asked who comes, all at once.

use std::ffi::CString;
use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, SocketAddrV6, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::attempt::errno_name;

const QUESTION: &[u8] = b"who\n";
const LONGEST: usize = 512;

/// Places as `tcp:ADDRESS:PORT` or `udp:…`, an address of IPv6 in brackets, with its link behind `%` where it has one. For each
/// an errno's name, `silence`, or what was heard behind `heard `.
pub fn ask(milliseconds: u64, places: &[&str]) -> Value {
    let patience = Duration::from_millis(milliseconds);
    let answers = thread::scope(|scope| {
        let asked: Vec<_> = places.iter().map(|place| scope.spawn(move || ask_one(place, patience))).collect();
        asked.into_iter().map(|answer| answer.join().unwrap_or_default()).collect::<Vec<_>>()
    });
    places
        .iter()
        .map(|place| (*place).to_owned())
        .zip(answers.into_iter().map(Value::from))
        .collect::<Map<_, _>>()
        .into()
}

fn ask_one(place: &str, patience: Duration) -> String {
    let Some((protocol, target)) = place.split_once(':').and_then(|(name, rest)| Some((name, parse(rest)?))) else {
        return "not a place".to_owned();
    };
    let heard = if protocol == "tcp" { by_stream(target, patience) } else { by_datagram(target, patience) };
    match heard {
        Ok(text) => format!("heard {}", text.trim_end()),
        Err(error) => word(&error),
    }
}

fn word(error: &Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "silence".to_owned(),
        _ => error.raw_os_error().map_or_else(|| error.to_string(), errno_name),
    }
}

fn by_stream(target: SocketAddr, patience: Duration) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&target, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(QUESTION)?;
    let mut answer = [0; LONGEST];
    // Somebody is there, whatever becomes of it.
    let length = stream.read(&mut answer).unwrap_or(0);
    Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned())
}

fn by_datagram(target: SocketAddr, patience: Duration) -> io::Result<String> {
    let own: SocketAddr = if target.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(own)?;
    socket.set_broadcast(true)?;
    socket.set_read_timeout(Some(patience))?;
    // Not connected: an answer may come from anywhere.
    socket.send_to(QUESTION, target)?;
    let mut answer = [0; LONGEST];
    let (length, _) = socket.recv_from(&mut answer)?;
    Ok(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned())
}

/// An address and a port.
pub fn parse(text: &str) -> Option<SocketAddr> {
    let Some((address, rest)) = text.split_once('%') else { return text.parse().ok() };
    let (link, port) = rest.split_once("]:")?;
    let name = CString::new(link).ok()?;
    // SAFETY: zero-terminated.
    let scope = unsafe { libc::if_nametoindex(name.as_ptr()) };
    Some(SocketAddrV6::new(address.strip_prefix('[')?.parse().ok()?, port.parse().ok()?, 0, scope).into())
}
