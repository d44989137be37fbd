//! What N is made of before there is a container in it: the relay's tun and listeners, the rules, and the way out. All of it is made
//! before the network keeper locks itself in, for a helper is a program.

use bunker_network::namespace::{Sockets, visit};
use bunker_network::nft::{TUN_NAME, Way};
use bunker_network::relay::born;
use bunker_runtime::spec::WayOut;
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::SysResult;
use std::os::fd::{AsFd, OwnedFd};

use super::failed;
use crate::way_out::{self, SHARED_INTERFACE, Shared};

/// Of 127.0.0.1 and `::1` in N.
const LISTENER: u16 = 4_000;

pub struct Ground {
    /// N.
    pub inside: OwnedFd,
    pub sockets: Sockets,
    pub tun: OwnedFd,
    pub listeners: Vec<OwnedFd>,
    /// The program that is the way out, unless the relay is.
    pub way_out: Option<Shared>,
}

impl Ground {
    /// With the first of the ways out that can be had. What is there, of a network keeper that was killed, is taken or replaced.
    ///
    /// # Errors
    /// `Network`: the kernel lacks what N needs, or there is no way out; of these the first that was tried.
    pub fn lay(inside: OwnedFd, ways: &[WayOut]) -> Result<Self, Failure> {
        let (mut sockets, tun, listeners) = visit(inside.as_fd(), make_parts).map_err(|error| setting_up(&error))?;
        let way_out = choose(ways, &mut sockets, &inside)?;
        Ok(Self { inside, sockets, tun, listeners, way_out })
    }
}

/// In N.
fn make_parts() -> SysResult<(Sockets, OwnedFd, Vec<OwnedFd>)> {
    let tun = born::tun(TUN_NAME)?;
    let listeners = vec![born::listener_v4(LISTENER)?, born::listener_v6(LISTENER)?];
    Ok((Sockets::open()?, tun, listeners))
}

fn choose(ways: &[WayOut], sockets: &mut Sockets, inside: &OwnedFd) -> Result<Option<Shared>, Failure> {
    let mut why = None;
    for way in ways {
        match lead_out(way, sockets, inside) {
            Ok(way_out) => return Ok(way_out),
            Err(failure) => why = why.or(Some(failure)),
        }
    }
    Err(why.unwrap_or_else(|| Failure::new(FailureCode::BadRequest, "there is no way out to choose")))
}

/// Makes this the way out.
fn lead_out(way: &WayOut, sockets: &mut Sockets, inside: &OwnedFd) -> Result<Option<Shared>, Failure> {
    let rules = if *way == WayOut::Relay { Way::Relay(LISTENER) } else { Way::Interface(SHARED_INTERFACE) };
    visit(inside.as_fd(), || sockets.settle(rules)).map_err(|error| setting_up(&error))?;
    let program = way_out::serve_shared(way, inside)?;
    if program.is_some() {
        visit(inside.as_fd(), || sockets.lead_to(SHARED_INTERFACE)).map_err(|error| setting_up(&error))?;
    }
    Ok(program)
}

fn setting_up(error: &bunker_sys::SysError) -> Failure {
    failed("setting up the user's network", error)
}
