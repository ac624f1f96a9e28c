//! What can go wrong.

use proofload_scheduler::StoreError;
use proofload_scheduler_redis::PrefixError;
use proofload_scheduler_redis::wire::WireError;

/// Why no handle was opened. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The prefix is none.
    #[error(transparent)]
    Prefix(#[from] PrefixError),
    /// The server cannot be used.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Keys that are not ours.
    #[error("`{key}` is there and is not ours; use another prefix")]
    SomebodyElse {
        /// One of them.
        key: String,
    },
    /// Keys of another version.
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
}

/// A key holds what none of us has written.
pub(crate) fn malformed(key: &str, what: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("`{key}`: {what}"))
}
