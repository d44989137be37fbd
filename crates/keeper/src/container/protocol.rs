//! What clients ask and what they are told: JSON in frames, one reply to each request, in order; events in between.
//! The version travels with every request, so that an old keeper can be managed by a newer command.

use bunker_runtime::spec::{Attachment, ExecSpec, SPEC_VERSION, SandboxSpec, UserNamespace};
use bunker_runtime::{Failure, FailureCode};
use bunker_sys::process::Ended;
use serde::Deserialize;
use serde_json::json;

use super::record::State;

/// A request. Descriptors that came with its frame are the container's lock (create, adopt), or the streams that it names, in the
/// order stdin, stdout, stderr.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// Go into the user's namespace already, while the command still looks for the image.
    Enter {
        user_namespace: UserNamespace,
        user_runtime_dir: String,
    },
    /// Makes the sandbox up to the last step before exec.
    Create {
        spec: Box<SandboxSpec>,
    },
    /// Lets the container's process exec.
    Start,
    /// Connects the caller's streams to the container's process.
    Attach(Streams),
    /// One more process; with `detach` nobody waits for it.
    Exec {
        spec: Box<ExecSpec>,
        #[serde(default)]
        detach: bool,
        #[serde(flatten)]
        streams: Streams,
    },
    /// To the process of this connection: the exec it asked for, else the container's own.
    Signal {
        signal: i32,
    },
    Resize {
        rows: u16,
        columns: u16,
    },
    /// An `exited` event when the container ends.
    Wait,
    /// What to move into the trash and remove when the container has ended.
    Tidy {
        trash: String,
        paths: Vec<String>,
    },
    /// Another name of the container's on its networks.
    Rename {
        name: String,
    },
    /// One more network of the user's own, or another way to be on one.
    Connect {
        network: Box<Attachment>,
    },
    /// One less, by the name of its bridge.
    Disconnect {
        bridge: String,
    },
    /// Whether our own relay can be the way out of networks here.
    ProbeRelay,
    /// Become the keeper of a container whose own was killed.
    Adopt {
        spec: Box<SandboxSpec>,
        state: State,
    },
}

/// Which streams are attached, and how an attached terminal is left.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Streams {
    #[serde(default)]
    pub stdin: bool,
    #[serde(default)]
    pub stdout: bool,
    #[serde(default)]
    pub stderr: bool,
    #[serde(default)]
    pub detach_keys: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Reads one request.
///
/// # Errors
/// `BadRequest`, also for a version that is newer than ours.
pub fn parse(body: &[u8]) -> Result<Request, Failure> {
    let bad =
        |error: serde_json::Error| Failure::new(FailureCode::BadRequest, format!("a request to the keeper: {error}"));
    let version = serde_json::from_slice::<Versioned>(body).map_err(bad)?.version;
    if version > SPEC_VERSION {
        let message = format!("this container's keeper speaks version {SPEC_VERSION} of its protocol, not {version}");
        return Err(Failure::new(FailureCode::BadRequest, message));
    }
    serde_json::from_slice(body).map_err(bad)
}

/// The reply to a request that was done, or why not.
pub fn reply(outcome: &Result<(), Failure>) -> String {
    match outcome {
        Ok(()) => json!({"ok": true}).to_string(),
        Err(failure) => json!({"ok": false, "failure": failure}).to_string(),
    }
}

/// Tells that the process ended; `None`: nobody could see how.
pub fn exited(end: Option<Ended>) -> String {
    let code = end.map_or(EXIT_UNKNOWN, Ended::exit_code);
    json!({"event": "exited", "code": code, "signal": end.and_then(Ended::signal)}).to_string()
}

/// Never invented: the code of a container whose end nobody saw.
pub const EXIT_UNKNOWN: i32 = 255;

/// Tells that the user typed the detach keys.
pub fn detached() -> String {
    json!({"event": "detached"}).to_string()
}

/// Tells that the reader of the client's own standard output has gone.
pub fn output_closed() -> String {
    json!({"event": "outputClosed"}).to_string()
}

#[cfg(test)]
#[path = "protocol_test.rs"]
mod tests;
