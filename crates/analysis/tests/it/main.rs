//! Runs as the writer leaves them, and what is computed of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod figures;
mod judged;
mod missing;
mod parts;
mod pictures;
mod run;
