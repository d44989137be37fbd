//! Starting the network keeper: who may, and how it comes into being.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use bunker_runtime::spec::WayOut;
use bunker_sys::client::channel;
use bunker_sys::process::{self, Cloned};
use bunker_sys::{SysError, SysResult, file, lock, path, socket};

use crate::network::protocol::START_LOCK;

/// Who holds N notices the end of a network keeper within a millisecond, on a machine that has time: half a second is enough for
/// others. It is spent in vain only where everybody was killed.
const HEIRS_TRIES: u32 = 50;
const HEIRS_PAUSE: Duration = Duration::from_millis(10);

/// For who does not hold N itself: a network keeper that was killed leaves its socket, and then others may hold N, with all that
/// is plugged into it. They start the next one if it lets them; else, one with a new N does for all.
pub fn await_heirs(directory: &str) -> SysResult<Option<OwnedFd>> {
    for _ in 0..HEIRS_TRIES {
        if !std::fs::exists(format!("{directory}/ctl")).unwrap_or(false) {
            break;
        }
        if let Some(channel) = channel::connect_control(directory)? {
            return Ok(Some(channel));
        }
        std::thread::sleep(HEIRS_PAUSE);
    }
    Ok(None)
}

/// Held by who is about to start one; the directory is made where there is none.
pub fn take_start_lock(directory: &str) -> SysResult<OwnedFd> {
    const ENOENT: i32 = 2;
    loop {
        match std::fs::create_dir(directory) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(SysError::from_io(format!("mkdir({directory:?})"), &error));
            }
            _ => {}
        }
        match lock::wait(&format!("{directory}/{START_LOCK}")) {
            // A network keeper that ended took the directory along.
            Err(error) if error.errno == ENOENT => {}
            other => return other,
        }
    }
}

/// What the network keeper is given.
const CHANNEL: i32 = 3;
const NAMESPACE: i32 = 4;
const FIRST_OTHER: i32 = 5;

/// This very program in network mode, in U as we are, as nobody's child: it lives longer than its first container. The channel to
/// it.
pub fn start_network_keeper(user_runtime_dir: &str, ways_out: &[WayOut], kept: Option<&OwnedFd>) -> SysResult<OwnedFd> {
    // Out of the way of what it is given.
    let own = file::duplicate_above(file::open("/proc/self/exe", path::O_RDONLY)?.as_fd(), FIRST_OTHER)?;
    let ways_out = serde_json::to_string(ways_out).unwrap_or_default();
    let words: Vec<CString> = ["keeper", "network", user_runtime_dir, &ways_out]
        .into_iter()
        .filter_map(|word| CString::new(word).ok())
        .collect();
    let (hears, tells) = socket::packet_pair()?;
    match process::clone_process(0, None, false)? {
        Cloned::Parent { pid, .. } => process::wait_child(pid, true)?,
        Cloned::Child => match process::clone_process(0, None, false) {
            Ok(Cloned::Child) => {
                if get_ready(&tells, kept).is_ok() {
                    process::execute_fd(own.as_fd(), &words, &[]);
                }
                process::exit(1)
            }
            _ => process::exit(0),
        },
    };
    drop(tells);
    let came = socket::receive_packet(hears.as_fd(), 1)?.and_then(|(_, fds)| fds.into_iter().next());
    came.ok_or_else(|| SysError::new("clone(network keeper)", ECHILD))
}

const ECHILD: i32 = 10;

/// The pair is made here, not by who starts us: so its other end tells who we are (`socket::peer_process`).
fn get_ready(tells: &OwnedFd, kept: Option<&OwnedFd>) -> SysResult<()> {
    let (theirs, ours) = channel::pair()?;
    socket::send_packet(tells.as_fd(), b"c", &[theirs.as_fd()])?;
    process::reset_signals();
    // Besides these it gets nothing of ours.
    let given = [Some((ours.as_fd(), CHANNEL)), kept.map(|kept| (kept.as_fd(), NAMESPACE))];
    file::place_all(&given.into_iter().flatten().collect::<Vec<_>>())
}
