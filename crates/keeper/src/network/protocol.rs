//! What keepers ask the network keeper, and what they are told: JSON in frames, one reply to each request, in order.

use bunker_runtime::spec::{Attachment, PublishedPort, SPEC_VERSION, WayOut};
use bunker_runtime::{Failure, FailureCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::net::IpAddr;

/// Where it listens, below the user's runtime directory.
pub const DIRECTORY: &str = "network";
/// In it: held by who starts a network keeper until that can be found.
pub const START_LOCK: &str = "start.lock";

/// A request. With `Join` come the container's network namespace and the pidfd of its first process.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// A container comes to its networks, or `again`: what is plugged in stays. The reply brings N.
    Join { version: u32, container: Container, again: bool },
    /// One more network for the container of this connection.
    Connect { network: Attachment },
    /// One less, by the name of the bridge.
    Disconnect { bridge: String },
    /// The container of this connection is gone: its ports are free when this is answered.
    Leave,
}

/// All that the network keeper needs to know of a container.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    pub id: String,
    pub name: String,
    pub networks: Vec<Attachment>,
    pub ports: Vec<PublishedPort>,
    pub host_loopback: bool,
    pub name_servers: Vec<IpAddr>,
    /// `ndots` was set for it.
    pub ndots: bool,
    /// For the network keeper, should it have to be started.
    pub ways_out: Vec<WayOut>,
}

/// Reads one request.
///
/// # Errors
/// `BadRequest`, also for a version that is newer than ours.
pub fn parse(body: &[u8]) -> Result<Request, Failure> {
    let request: Request = serde_json::from_slice(body)
        .map_err(|error| Failure::new(FailureCode::BadRequest, format!("a request to the network keeper: {error}")))?;
    match request {
        Request::Join { version, .. } if version > SPEC_VERSION => Err(Failure::new(
            FailureCode::BadRequest,
            format!("the network keeper speaks version {SPEC_VERSION} of its protocol, not {version}"),
        )),
        request => Ok(request),
    }
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    failure: Option<Failure>,
}

/// The reply to a request that was done, or why not.
pub fn reply(outcome: &Result<(), Failure>) -> String {
    match outcome {
        Ok(()) => json!({"ok": true}).to_string(),
        Err(failure) => json!({"ok": false, "failure": failure}).to_string(),
    }
}

/// What a reply says.
///
/// # Errors
/// The failure it carries.
pub fn outcome(body: &[u8]) -> Result<(), Failure> {
    let garbled = || Failure::new(FailureCode::Network, "the network keeper's answer makes no sense");
    let reply: Reply = serde_json::from_slice(body).map_err(|_| garbled())?;
    if reply.ok { Ok(()) } else { Err(reply.failure.unwrap_or_else(garbled)) }
}
