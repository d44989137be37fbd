//! The one error that leaves this crate: what the caller can do about it, and the facts.

use bunker_sys::SysError;
use serde::{Deserialize, Serialize};

/// What a failure means to the caller; TypeScript maps it to an exit code and a hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The request does not fit the protocol.
    BadRequest,
    /// The kernel or host refuses user namespaces, mounts, or another thing every container needs.
    HostRefused,
    /// The command was not found in the container (exit 127).
    CommandNotFound,
    /// The command cannot be executed (exit 126).
    CommandNotExecutable,
    /// `user` or `group` is not in the container's files, or its id is not mapped.
    UserNotFound,
    /// A path the user or the image named cannot be used (missing bind source, workdir outside, …).
    BadPath,
    /// The archive or image breaks a rule or a limit; `message` names the entry and the reason.
    BadArchive,
    /// Digest or size differ from what was promised.
    DigestMismatch,
    NoSpace,
    /// The program that is to serve the container's network does not.
    Network,
    /// The container is not running (any more).
    NotRunning,
    /// Stopped because the other side went away.
    Cancelled,
    /// Anything else: with its system call.
    System,
}

/// A failure as plain data: crosses the socket as JSON.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct Failure {
    pub code: FailureCode,
    /// Lower-case fragment that names the object.
    pub message: String,
    /// The failed system call and its errno, where one failed.
    pub call: Option<String>,
    pub errno: Option<i32>,
}

impl Failure {
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), call: None, errno: None }
    }

    /// Wraps a system error: ENOSPC and EDQUOT become `NoSpace` whatever the code asked for, unless it is no disk that is full.
    pub fn system(code: FailureCode, what: &str, error: &SysError) -> Self {
        const ENOSPC: i32 = 28;
        const EDQUOT: i32 = 122;
        let is_limit = LIMITED.iter().any(|call| error.call.starts_with(call));
        let full = matches!(error.errno, ENOSPC | EDQUOT) && !is_limit;
        let (code, reason) = if full { (FailureCode::NoSpace, "no space left on device: ") } else { (code, "") };
        let message = format!("{what}: {reason}{error}");
        Self { code, message, call: Some(error.call.clone()), errno: Some(error.errno) }
    }
}

/// Calls that say so of a limit of the kernel's: on namespaces, mounts and keys.
const LIMITED: [&str; 8] =
    ["unshare(", "clone", "setns(", "keyctl(", "fsopen(", "fsmount(", "move_mount(", "open_tree("];

/// What is passed on of a long text: its beginning, and the reason, which comes last.
const HEAD: usize = 3000;
const TAIL: usize = 1000;

impl Failure {
    /// Without the middle of texts that quote somebody's long words: a few thousand bytes, however they are escaped.
    pub(crate) fn abridged(&self) -> Self {
        Self { message: abridge(&self.message), call: self.call.as_deref().map(abridge), ..self.clone() }
    }
}

fn abridge(text: &str) -> String {
    if text.len() <= HEAD + TAIL {
        return text.to_owned();
    }
    let (head, tail) = (text.floor_char_boundary(HEAD), text.ceil_char_boundary(text.len() - TAIL));
    format!("{} … {}", &text[..head], &text[tail..])
}

impl From<SysError> for Failure {
    fn from(error: SysError) -> Self {
        Self::system(FailureCode::System, "system call failed", &error)
    }
}
