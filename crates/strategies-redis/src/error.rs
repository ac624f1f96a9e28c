//! What can go wrong.

use proofload_scheduler::StoreError;
use proofload_scheduler_redis::wire::WireError;

/// Why no handle was opened. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The prefix is none.
    #[error(
        "prefix {prefix:?}: expected 1 to {most} letters, digits and `-`, `_`, `.`, `:`, for example `proofload-old`"
    )]
    Prefix {
        /// What was given.
        prefix: String,
        /// The greatest length.
        most: usize,
    },
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

/// How a wire's failure looks to a strategy.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(crate) fn store_error(error: WireError) -> StoreError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    match error {
        WireError::NoAnswer { .. } | WireError::NotSent { .. } => StoreError::NoAnswer(text),
        _ => StoreError::Failed(text),
    }
}

/// A key holds what none of us has written.
pub(crate) fn malformed(key: &str, what: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("`{key}`: {what}"))
}
