//! A resolver that runs, two name servers for it to ask, and clients.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bunker_network::dns::{Attachment, Container, Dial, HostSide, Inside, Interest, Server};
use bunker_sys::inet::{self, Kind};
use bunker_sys::{datagram, poll};

use crate::name_server::name_server;
use crate::packet_text::{answer, question};

/// Whoever waits for longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reaches name servers at the ports that they really have.
struct Ports(HashMap<IpAddr, u16>);

impl Ports {
    fn real(&self, server: SocketAddr) -> SocketAddr {
        // Port 1 of an address where nobody is: refused.
        SocketAddr::new(server.ip(), self.0.get(&server.ip()).copied().unwrap_or(1))
    }
}

impl Dial for Ports {
    fn datagram(&mut self, server: SocketAddr) -> io::Result<UdpSocket> {
        HostSide.datagram(self.real(server))
    }

    fn stream(&mut self, server: SocketAddr) -> io::Result<TcpStream> {
        HostSide.stream(self.real(server))
    }
}

#[derive(Default)]
pub struct Counters {
    pub is_over: AtomicBool,
    events: AtomicUsize,
    watched: AtomicUsize,
}

/// What runs.
pub struct Bench {
    port: u16,
    resolv_conf: PathBuf,
    counters: Arc<Counters>,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Bench {
    pub fn start() -> Self {
        Self::with_servers("nameserver 127.3.0.1\nnameserver 127.3.0.2\noptions timeout:1\n")
    }

    pub fn with_servers(resolv_conf: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("bunker-dns-{}-{number}", std::process::id()));
        std::fs::write(&path, resolv_conf).expect("writes");
        let (counters, asked) = (Arc::new(Counters::default()), Arc::<Mutex<Vec<String>>>::default());
        let ports = [("127.3.0.1", true), ("127.3.0.2", false)].map(|(address, is_first)| {
            let port = name_server(address, is_first, (&asked, &counters));
            (address.parse().expect("an address"), port)
        });
        let mut server = Server::new(path.clone(), Box::new(Ports(ports.into())));
        let port = listen(&mut server);
        fill(&mut server);
        let theirs = counters.clone();
        let thread = Some(thread::spawn(move || run(server, &theirs)));
        Self { port, resolv_conf: path, counters, asked, thread }
    }

    pub fn set_servers(&self, resolv_conf: &str) {
        let aside = self.resolv_conf.with_extension("new");
        std::fs::write(&aside, resolv_conf).expect("writes");
        std::fs::rename(&aside, &self.resolv_conf).expect("renames");
    }

    pub fn at(&self, address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().expect("an address"), self.port)
    }

    /// How often name servers have been asked about names that end so.
    pub fn asked(&self, name: &str) -> usize {
        self.asked.lock().expect("a list").iter().filter(|asked| asked.ends_with(name)).count()
    }

    pub fn events(&self) -> usize {
        self.counters.events.load(Ordering::Relaxed)
    }

    pub fn watched(&self) -> usize {
        self.counters.watched.load(Ordering::Relaxed)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.counters.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(result.is_ok() || thread::panicking(), "the resolver panicked");
        }
        let _ = std::fs::remove_file(&self.resolv_conf);
    }
}

/// Both sockets at all addresses, with one port.
fn listen(server: &mut Server) -> u16 {
    loop {
        let listener = TcpListener::bind("0.0.0.0:0").expect("binds");
        let address = listener.local_addr().expect("bound");
        let Ok(socket) = datagram::listen(address) else { continue };
        listener.set_nonblocking(true).expect("does not block");
        server.add(Inside { datagrams: vec![socket], listeners: vec![listener.into()] });
        return address.port();
    }
}

fn fill(server: &mut Server) {
    let zone = server.zone();
    zone.set_network("net", false);
    zone.set_network("closed", true);
    for (name, network, address) in
        [("web", "net", "127.1.0.2"), ("db", "net", "127.1.0.3"), ("sealed", "closed", "127.2.0.2")]
    {
        let addresses = vec![address.parse().expect("an address")];
        let place = Attachment { network: network.to_owned(), addresses, aliases: Vec::new(), ..Attachment::default() };
        let (id, name) = (format!("{name:f<64}"), name.to_owned());
        zone.set_container(Container { id, name, attachments: vec![place], ..Container::default() });
    }
}

fn run(mut server: Server, counters: &Counters) {
    const LONGEST_MS: u128 = 20;
    while !counters.is_over.load(Ordering::Relaxed) {
        let (tokens, mut watches): (Vec<_>, Vec<_>) = server.interests().iter().map(watch).unzip();
        counters.watched.store(tokens.len(), Ordering::Relaxed);
        let left = server.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()).as_millis() + 1);
        let timeout = left.unwrap_or(LONGEST_MS).min(LONGEST_MS);
        poll::wait(&mut watches, i32::try_from(timeout).expect("small")).expect("polls");
        for (token, watch) in tokens.iter().zip(&watches) {
            if watch.has_event() {
                counters.events.fetch_add(1, Ordering::Relaxed);
                server.ready(*token, Instant::now());
            }
        }
        server.tick(Instant::now());
    }
}

fn watch(interest: &Interest<'_>) -> (u64, poll::Watch) {
    let Interest { token, fd, is_readable_wanted, is_writable_wanted } = *interest;
    (token, poll::Watch::new(fd, is_readable_wanted, is_writable_wanted))
}

/// Asks by datagram, from an address.
pub fn ask(source: &str, at: SocketAddr, words: &str) -> String {
    let socket = UdpSocket::bind((source, 0)).expect("binds");
    // Hears this address alone.
    socket.connect(at).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    socket.send(&question(words)).expect("sends");
    let mut buffer = vec![0; 65536];
    let count = socket.recv(&mut buffer).expect("an answer");
    answer(&buffer[..count])
}

/// Asks by TCP, from an address.
pub fn ask_by_tcp(source: &str, at: SocketAddr, words: &str) -> String {
    let mut stream = connect(source, at);
    stream.write_all(&frame(&question(words))).expect("sends");
    answer(&read_frame(&mut stream).expect("an answer"))
}

/// A connection from an address.
pub fn connect(source: &str, at: SocketAddr) -> TcpStream {
    let source = SocketAddr::new(source.parse().expect("an address"), 0);
    let socket = inet::socket(Kind::Tcp, at.ip()).expect("a socket");
    inet::bind(socket.as_fd(), source).expect("binds");
    inet::connect(socket.as_fd(), at).expect("begins");
    let stream = TcpStream::from(socket);
    // On the loopback device a connection is there at once, or refused.
    stream.set_nonblocking(false).expect("blocks");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

pub fn frame(packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).expect("short");
    [&length.to_be_bytes()[..], packet].concat()
}

pub fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut packet)?;
    Ok(packet)
}
