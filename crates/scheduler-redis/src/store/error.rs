//! What can go wrong when a store is opened, and how a wire's failures look to a scheduler.

use proofload_scheduler::StoreError;

use crate::keys::PrefixError;
use crate::packed::Malformed;
use crate::wire::WireError;

/// Why a store was not opened. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The prefix is none.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// The server cannot be used.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A store of another version, or somebody else's hash.
    #[error(
        "`{key}` is of the schema {found:?}, this version writes {expected:?}; use another prefix, or remove the old keys with the version that made them"
    )]
    Schema {
        /// The key that says so.
        key: String,
        /// What it says.
        found: String,
        /// What it should say.
        expected: &'static str,
    },
    /// A key of ours is of another type.
    #[error(
        "`{key}` holds a {found}, expected a {expected}; it is somebody else's: use another prefix"
    )]
    Type {
        /// The key.
        key: String,
        /// Its type.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Keys without a store.
    #[error(
        "`{key}` is there, but no store of ours; it is somebody else's: use another prefix than {prefix:?}"
    )]
    SomebodyElse {
        /// One of the keys.
        key: String,
        /// The prefix.
        prefix: String,
    },
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What passes is worth sending again, whether it was carried out or not: a server that is started anew
/// may be away for longer than the wire tries.
impl From<WireError> for StoreError {
    fn from(error: WireError) -> Self {
        match error {
            error if error.is_passing() => Self::NoAnswer(with_sources(&error)),
            error => Self::Failed(with_sources(&error)),
        }
    }
}

pub(crate) fn malformed(error: Malformed) -> StoreError {
    StoreError::Failed(error.to_string())
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
