//! The simulator as a client sees it, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall fail")]

mod answers;
mod client;
mod faults;
mod refusals;
mod truth;
