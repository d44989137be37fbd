//! What can go wrong on the way from an archive to a directory, before it is known which layer and entry it was.

use crate::failure::{Failure, FailureCode};
use bunker_sys::SysError;

const ENAMETOOLONG: i32 = 36;
const EFBIG: i32 = 27;
const EMLINK: i32 = 31;

/// A reason to stop. `Display` is the reason alone; `into_failure` adds where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The archive is broken, or holds what we refuse. Damage on the way could look like this: the digest decides.
    #[error("{0}")]
    Archive(String),
    /// A limit was passed: whatever the digest, there is no use in reading on.
    #[error("{0}")]
    Limit(String),
    #[error("{0}")]
    NoSpace(String),
    #[error("{what}: {error}")]
    System { what: &'static str, error: SysError },
    /// The bytes ended because the thread that makes them stopped; that thread knows why.
    #[error("the input ended early")]
    Cut,
}

pub(crate) type Outcome<T> = Result<T, Problem>;

pub(crate) fn archive<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(Problem::Archive(reason.into()))
}

pub(crate) fn limit<T>(reason: impl Into<String>) -> Outcome<T> {
    Err(Problem::Limit(reason.into()))
}

/// Bytes of the archive as an error message may show them: escaped, and no more than the beginning.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const BYTES: usize = 200;
    match bytes.get(..BYTES) {
        Some(start) if bytes.len() > BYTES => format!("{}…", start.escape_ascii()),
        _ => bytes.escape_ascii().to_string(),
    }
}

impl Problem {
    /// For `map_err`: a failed call while doing `what`.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(SysError) -> Self {
        move |error| match error.errno {
            // Names, sizes and numbers of links that this file system cannot hold: the archive asks for too much.
            ENAMETOOLONG | EFBIG | EMLINK => Self::Archive(format!("{what}: {error}")),
            _ => Self::System { what, error },
        }
    }

    /// As it leaves: `layer sha256:… entry "…": reason`.
    pub(crate) fn into_failure(self, layer: &str, entry: Option<&[u8]>) -> Failure {
        let place = match entry {
            Some(name) => format!("layer {layer} entry \"{}\"", shown(name)),
            None => format!("layer {layer}"),
        };
        match self {
            Self::System { what, error } => Failure::system(FailureCode::System, &format!("{place}: {what}"), &error),
            Self::NoSpace(reason) => Failure::new(FailureCode::NoSpace, format!("{place}: {reason}")),
            reason => Failure::new(FailureCode::BadArchive, format!("{place}: {reason}")),
        }
    }
}
