//! The engine against real sockets on loopback, and against the scripted target.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod engine;
mod outcomes;
mod refusals;
mod rows;
mod server;
mod timing;
mod tls;
