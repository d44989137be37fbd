//! Datagrams with control messages: which address of ours they came to and leave from, and ICMP errors of what was sent; and how
//! they are carried
//! (recvmsg(2), sendmsg(2), ip(7) on IP_PKTINFO and IP_RECVERR).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::{mem, ptr};

use super::{Moved, RawAddress, moved, set_option, socket_address};
use crate::SysResult;

/// Room for the control messages that were asked for, aligned as they want to be.
const CONTROL_WORDS: usize = 64;

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    pub length: usize,
    pub from: SocketAddr,
    /// The address of ours that it was sent to, if that was asked for.
    pub to: Option<IpAddr>,
}

/// An ICMP error about something that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub errno: i32,
    /// ICMP's or ICMPv6's, by the family of the socket; `None` for an error of our own host.
    pub icmp: Option<(u8, u8)>,
    /// The MTU of the way, where that is the error.
    pub information: u32,
    /// Who told it, if it came from outside.
    pub teller: Option<IpAddr>,
}

/// How a datagram is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Routers that it may pass.
    pub hops: u8,
    /// The type of service, or traffic class.
    pub service: u8,
    /// Nobody may cut it on its way, or where it is sent.
    pub is_uncut: bool,
}

/// From now on the socket's datagrams are carried so.
pub fn carry_as(socket: BorrowedFd<'_>, is_v6: bool, manner: Manner) -> SysResult<()> {
    let (level, [hops, service, cutting]) = if is_v6 {
        (libc::IPPROTO_IPV6, [libc::IPV6_UNICAST_HOPS, libc::IPV6_TCLASS, libc::IPV6_MTU_DISCOVER])
    } else {
        (libc::IPPROTO_IP, [libc::IP_TTL, libc::IP_TOS, libc::IP_MTU_DISCOVER])
    };
    // IPv6's are the same numbers.
    let discovery = if manner.is_uncut { libc::IP_PMTUDISC_DO } else { libc::IP_PMTUDISC_WANT };
    for (option, value) in [(hops, manner.hops.into()), (service, manner.service.into()), (cutting, discovery)] {
        set_option(socket, (level, option), &value, || format!("setsockopt({manner:?})"))?;
    }
    Ok(())
}

/// One datagram; `Err(Later)` when there is none.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Arrived, Moved> {
    let mut from = RawAddress::empty();
    let mut control = [0_u64; CONTROL_WORDS];
    let mut to = None;
    let length = receive_raw(socket, (buffer, &mut from, &mut control), 0, |header| to = to.or(destination(header)))?;
    let from = from.read().ok_or(Moved::Failed(libc::EAFNOSUPPORT))?;
    Ok(Arrived { length, from, to })
}

/// The next error of the error queue.
pub fn receive_error(socket: BorrowedFd<'_>) -> Option<Refusal> {
    let mut from = RawAddress::empty();
    let mut control = [0_u64; CONTROL_WORDS];
    let mut refusal = None;
    let parts = (&mut [0_u8; 0][..], &mut from, &mut control);
    receive_raw(socket, parts, libc::MSG_ERRQUEUE, |header| refusal = refusal.or(error(header))).ok()?;
    refusal
}

type Parts<'a> = (&'a mut [u8], &'a mut RawAddress, &'a mut [u64; CONTROL_WORDS]);

fn receive_raw(
    socket: BorrowedFd<'_>,
    (buffer, from, control): Parts<'_>,
    flags: i32,
    mut each: impl FnMut(&libc::cmsghdr),
) -> Result<usize, Moved> {
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: msghdr is plain data; all it points to lives through the calls; the kernel sets the length of the control
    // messages that CMSG_FIRSTHDR and CMSG_NXTHDR keep to.
    unsafe {
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_name = ptr::from_mut(&mut from.storage).cast();
        header.msg_namelen = from.length;
        header.msg_iov = &raw mut piece;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = mem::size_of_val(control) as _;
        let flags = flags | libc::MSG_DONTWAIT;
        let length = match moved(|| libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags)) {
            Moved::Bytes(length) => length,
            other => return Err(other),
        };
        let mut next = libc::CMSG_FIRSTHDR(&raw const header);
        while let Some(message) = next.as_ref() {
            each(message);
            next = libc::CMSG_NXTHDR(&raw const header, next);
        }
        Ok(length)
    }
}

fn destination(message: &libc::cmsghdr) -> Option<IpAddr> {
    // SAFETY: level and type say what the kernel has put there, whole.
    unsafe {
        let data = libc::CMSG_DATA(ptr::from_ref(message));
        match (message.cmsg_level, message.cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let info = ptr::read_unaligned(data.cast::<libc::in_pktinfo>());
                Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into())
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let info = ptr::read_unaligned(data.cast::<libc::in6_pktinfo>());
                Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into())
            }
            _ => None,
        }
    }
}

fn error(message: &libc::cmsghdr) -> Option<Refusal> {
    let kind = (message.cmsg_level, message.cmsg_type);
    if kind != (libc::IPPROTO_IP, libc::IP_RECVERR) && kind != (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) {
        return None;
    }
    // SAFETY: level and type say what the kernel has put there, whole: the error, and behind it an address (SO_EE_OFFENDER).
    let (error, teller) = unsafe {
        let data = libc::CMSG_DATA(ptr::from_ref(message)).cast::<libc::sock_extended_err>();
        (ptr::read_unaligned(data), socket_address(data.add(1).cast()))
    };
    let is_icmp = error.ee_origin == libc::SO_EE_ORIGIN_ICMP || error.ee_origin == libc::SO_EE_ORIGIN_ICMP6;
    Some(Refusal {
        errno: i32::try_from(error.ee_errno).unwrap_or(libc::EIO),
        icmp: is_icmp.then_some((error.ee_type, error.ee_code)),
        information: error.ee_info,
        teller: teller.map(|teller| teller.ip()),
    })
}

/// Sends a datagram to an address, from that address of ours which is given.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Moved {
    let mut address = RawAddress::of(to);
    let mut control = [0_u64; CONTROL_WORDS];
    let mut piece = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: msghdr is plain data; all it points to lives through the call, and sendmsg writes to none of it.
    unsafe {
        let mut header: libc::msghdr = mem::zeroed();
        header.msg_name = (&raw mut address.storage).cast();
        header.msg_namelen = address.length;
        header.msg_iov = &raw mut piece;
        header.msg_iovlen = 1;
        if let Some(from) = from {
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = mem::size_of_val(&control) as _;
            header.msg_controllen = put_source(&header, from) as _;
        }
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        moved(|| libc::sendmsg(socket.as_raw_fd(), &raw const header, flags))
    }
}

/// Writes the control message that chooses the source address. The length of the control messages.
///
/// # Safety
/// The header's control buffer has room for it.
unsafe fn put_source(header: &libc::msghdr, from: IpAddr) -> u32 {
    // SAFETY: promised by the caller.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        let data = libc::CMSG_DATA(message);
        let size = match from {
            IpAddr::V4(v4) => {
                let mut info: libc::in_pktinfo = mem::zeroed();
                info.ipi_spec_dst.s_addr = u32::from_ne_bytes(v4.octets());
                ptr::write_unaligned(data.cast(), info);
                (*message).cmsg_level = libc::IPPROTO_IP;
                (*message).cmsg_type = libc::IP_PKTINFO;
                size_of::<libc::in_pktinfo>() as u32
            }
            IpAddr::V6(v6) => {
                let mut info: libc::in6_pktinfo = mem::zeroed();
                info.ipi6_addr.s6_addr = v6.octets();
                ptr::write_unaligned(data.cast(), info);
                (*message).cmsg_level = libc::IPPROTO_IPV6;
                (*message).cmsg_type = libc::IPV6_PKTINFO;
                size_of::<libc::in6_pktinfo>() as u32
            }
        };
        (*message).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_SPACE(size)
    }
}
