//! The sockets to name servers: one for each try, so that the kernel gives each a random port of its own, and drops what
//! others than that server send.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use bunker_sys::SysError;
use bunker_sys::inet::{self, Kind};

use super::frame::{Inbox, Outbox};

/// The longest DNS message.
const LONGEST: usize = u16::MAX as usize;
/// Packets of one server that are looked at before others get their turn.
const BATCH: usize = 8;

/// Makes sockets to name servers, in whichever network namespace these are to be reached. They must not block.
pub trait Dial {
    /// A socket that only this server can send to.
    fn datagram(&mut self, server: SocketAddr) -> io::Result<UdpSocket>;
    /// A connection that may not be there yet.
    fn stream(&mut self, server: SocketAddr) -> io::Result<TcpStream>;
}

/// The network namespace of the thread that asks.
pub struct HostSide;

impl Dial for HostSide {
    fn datagram(&mut self, server: SocketAddr) -> io::Result<UdpSocket> {
        let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(server)?;
        Ok(socket)
    }

    fn stream(&mut self, server: SocketAddr) -> io::Result<TcpStream> {
        let failed = |error: SysError| io::Error::from_raw_os_error(error.errno);
        let socket = inet::socket(Kind::Tcp, server.ip()).map_err(failed)?;
        inet::connect(socket.as_fd(), server).map_err(failed)?;
        Ok(socket.into())
    }
}

/// One try's socket.
pub(crate) enum Outside {
    Datagram(UdpSocket),
    Stream { stream: TcpStream, inbox: Inbox, outbox: Outbox },
}

impl Outside {
    /// Sends a question by datagram.
    pub(crate) fn ask(dial: &mut dyn Dial, server: SocketAddr, packet: &[u8]) -> io::Result<Self> {
        let socket = dial.datagram(server)?;
        socket.send(packet)?;
        Ok(Self::Datagram(socket))
    }

    /// Begins to send a question by TCP.
    pub(crate) fn connect(dial: &mut dyn Dial, server: SocketAddr, packet: &[u8]) -> io::Result<Self> {
        let stream = dial.stream(server)?;
        let mut outbox = Outbox::default();
        outbox.push(packet);
        Ok(Self::Stream { stream, inbox: Inbox::new(LONGEST), outbox })
    }

    /// What has come; an error when nothing will any more.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<Vec<u8>>> {
        match self {
            Self::Datagram(socket) => receive_datagrams(socket),
            Self::Stream { stream, inbox, outbox } => {
                outbox.flush(&*stream)?;
                let is_open = inbox.fill(&*stream)?;
                match inbox.take() {
                    Ok(Some(packet)) => Ok(vec![packet]),
                    Ok(None) if is_open => Ok(Vec::new()),
                    _ => Err(ErrorKind::UnexpectedEof.into()),
                }
            }
        }
    }

    pub(crate) fn is_writable_wanted(&self) -> bool {
        matches!(self, Self::Stream { outbox, .. } if !outbox.is_empty())
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Datagram(socket) => socket.as_fd(),
            Self::Stream { stream, .. } => stream.as_fd(),
        }
    }
}

fn receive_datagrams(socket: &UdpSocket) -> io::Result<Vec<Vec<u8>>> {
    let mut packets = Vec::new();
    let mut buffer = vec![0; LONGEST];
    while packets.len() < BATCH {
        match socket.recv(&mut buffer) {
            Ok(count) => packets.push(buffer.get(..count).unwrap_or_default().to_vec()),
            // An error that came after an answer (an ICMP error, say) does not take that back.
            Err(_) if !packets.is_empty() => break,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(packets)
}
