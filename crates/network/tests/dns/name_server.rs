//! Name servers whose answers depend on the name's first label. The first says 192.0.2.1 when it tells the truth, the
//! second always does, and says 192.0.2.2.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use domain::base::iana::{Class, Rcode};
use domain::base::{Message, MessageBuilder, Name};
use domain::rdata::A;

use crate::bench::{Counters, frame, read_frame};
use std::io::Write;

/// More than fit into 512 bytes.
const MANY: u8 = 60;

/// Starts one at an address; its port.
pub fn name_server(address: &str, is_first: bool, book: (&Arc<Mutex<Vec<String>>>, &Arc<Counters>)) -> u16 {
    let (asked, counters) = (book.0.clone(), book.1.clone());
    let (socket, listener) = loop {
        let listener = TcpListener::bind((address, 0)).expect("binds");
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().expect("bound")) {
            break (socket, listener);
        }
    };
    let port = socket.local_addr().expect("bound").port();
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    listener.set_nonblocking(true).expect("does not block");
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while !counters.is_over.load(Ordering::Relaxed) {
            if let Ok((mut stream, _)) = listener.accept() {
                stream.set_nonblocking(false).expect("blocks");
                let packet = read_frame(&mut stream).expect("a question");
                stream.write_all(&frame(&reply(&packet, true, MANY))).expect("sends");
            }
            let Ok((count, client)) = socket.recv_from(&mut buffer) else { continue };
            let question = &buffer[..count];
            asked.lock().expect("a list").push(name(question));
            answer(&socket, client, (question, is_first));
        }
    });
    port
}

fn name(question: &[u8]) -> String {
    let message = Message::from_octets(question).expect("a message");
    message.sole_question().expect("a question").qname().to_string().to_ascii_lowercase()
}

fn reply(question: &[u8], is_first: bool, count: u8) -> Vec<u8> {
    let question = Message::from_octets(question).expect("a message");
    let mut answer = MessageBuilder::new_vec().start_answer(&question, Rcode::NOERROR).expect("room");
    let name = question.sole_question().expect("a question").qname().to_owned();
    for number in 0..count {
        let last = if count > 1 { number } else { 2 - u8::from(is_first) };
        answer.push((name, Class::IN, 60, A::from_octets(192, 0, 2, last))).expect("room");
    }
    answer.finish()
}

/// A reply to another question, with the same number.
fn reply_about(other: &str, question: &[u8]) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(u16::from_be_bytes([question[0], question[1]]));
    let mut builder = builder.question();
    let name: Name<Vec<u8>> = other.parse().expect("a name");
    builder.push((&name, domain::base::Rtype::A, Class::IN)).expect("room");
    reply(&builder.finish(), false, 1)
}

fn answer(socket: &UdpSocket, client: SocketAddr, (question, is_first): (&[u8], bool)) {
    let send = |packet: &[u8]| drop(socket.send_to(packet, client));
    let with_code = |code: u8| {
        let mut packet = reply(question, is_first, 0);
        packet[3] |= code;
        packet
    };
    let name = name(question);
    match name.split('.').next() {
        Some("silent") if is_first => (),
        Some("late") if is_first => {
            thread::sleep(Duration::from_millis(1500));
            send(&reply(question, is_first, 1));
        }
        Some("unwilling") if is_first => send(&with_code(2)),
        Some("nowhere") => send(&with_code(3)),
        Some("long") => {
            let mut packet = reply(question, is_first, 0);
            packet[2] |= 2;
            send(&packet);
        }
        Some("liar") => {
            let lie = reply(question, false, 1);
            let mut other_number = lie.clone();
            other_number[0] ^= 0x55;
            send(&other_number);
            send(&reply_about("other.example", question));
            send(&[0; 5]);
            let stranger = UdpSocket::bind(("127.3.0.9", 0)).expect("binds");
            let _ = stranger.send_to(&lie, client);
            let neighbour = UdpSocket::bind((socket.local_addr().expect("bound").ip(), 0)).expect("binds");
            let _ = neighbour.send_to(&lie, client);
            send(&reply(question, is_first, 1));
        }
        _ => send(&reply(question, is_first, 1)),
    }
}
